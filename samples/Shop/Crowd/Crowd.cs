using System.Diagnostics;

namespace Presence.CommandLine;

/// <summary>Runs shoppers: they arrive, shop, stay with their pages open to be counted, and leave.</summary>
internal sealed class Crowd
{
    private readonly ShopperOptions _options;
    private readonly List<Shopper> _shoppers;
    private readonly IReadOnlyList<ShopObserver> _observers;
    private readonly IReadOnlyList<ShopStats> _before;

    public Crowd(ShopperOptions options, ShopRange range, IReadOnlyList<ShopObserver> observers)
    {
        (_options, _observers) = (options, observers);
        _before = [.. observers.Select(observer => observer.Latest)];
        _shoppers =
        [
            .. Enumerable.Range(0, options.Count).Select(number => new Shopper(number, options, range, Counts)),
        ];
        Probe = observers.Count > 0 ? new Probe(options, range, Counts, observers) : null;
    }

    public ShopperCounts Counts { get; } = new();

    /// <summary>Gets the probe; null without observers.</summary>
    public Probe? Probe { get; }

    /// <summary>Gets the number of shoppers that have a page open.</summary>
    public int Present => _shoppers.Count(shopper => shopper.IsPresent);

    /// <summary>Returns what the server must show of this crowd.</summary>
    public ShopStats Expected()
    {
        var all = _shoppers.Select(shopper => (shopper.Pages, shopper.Items));
        return ShopStats.Of(Probe is null ? all : all.Append((Probe.Pages, Probe.Items)));
    }

    /// <summary>Adds the shoppers at the given rate and lets them shop; at the end their pages stay open.</summary>
    public async Task ShopAsync(CancellationToken stop)
    {
        using var stopShopping = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var probing = Probe?.RunAsync(stopShopping.Token) ?? Task.CompletedTask;
        var shopping = new List<Task>(_shoppers.Count);
        var start = Stopwatch.GetTimestamp();
        foreach (var shopper in _shoppers)
        {
            var ahead = TimeSpan.FromSeconds(shopping.Count / _options.Ramp) - Stopwatch.GetElapsedTime(start);
            if (ahead > TimeSpan.FromMilliseconds(5))
            {
                await Task.Delay(ahead, stop);
            }

            shopping.Add(shopper.ShopAsync(stopShopping.Token));
        }

        await Task.Delay(_options.Shopping, stop);
        await stopShopping.CancelAsync();
        await Task.WhenAll([probing, .. shopping]);
        foreach (var shopper in _shoppers)
        {
            await shopper.ReconnectAsync();
        }
    }

    /// <summary>Compares what every node shows with what the crowd knows, and counts each difference.</summary>
    public async Task CompareAsync()
    {
        var crowd = Expected();
        await Task.WhenAll(_observers.Select(async (observer, index) =>
        {
            var expected = crowd.Plus(_before[index]);
            var shown = await observer.UntilAsync(stats => stats.DifferenceFrom(expected) is null, _options.Timeout);
            if (shown is not null)
            {
                Counts.AddDisagreement($"{observer.Node}: {shown.DifferenceFrom(expected)}");
            }
        }));
    }

    /// <summary>Ends all shoppers: every second one closes its connections, the others abort them.</summary>
    public async Task LeaveAsync()
    {
        Probe?.Leave();
        foreach (var part in _shoppers.Chunk(200))
        {
            await Task.WhenAll(part.Select((shopper, index) => shopper.LeaveAsync(graceful: index % 2 == 0)));
        }
    }
}
