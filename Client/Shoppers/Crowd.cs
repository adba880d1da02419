using System.Diagnostics;

namespace Presence.CommandLine;

/// <summary>Lets shoppers come, shop, stand still to be counted, and go.</summary>
internal sealed class Crowd
{
    private readonly CrowdOptions _options;
    private readonly List<Shopper> _shoppers;
    private readonly IReadOnlyList<ShopObserver> _observers;
    private readonly IReadOnlyList<ShopNumbers> _before;

    public Crowd(CrowdOptions options, Wares wares, IReadOnlyList<ShopObserver> observers)
    {
        (_options, _observers) = (options, observers);
        _before = [.. observers.Select(observer => observer.Latest)];
        _shoppers = [.. Enumerable.Range(0, options.Count).Select(number => new Shopper(number, options, wares, Counts))];
        Probe = observers.Count > 0 ? new Probe(options, wares, Counts, observers) : null;
    }

    public CrowdCounts Counts { get; } = new();

    /// <summary>Null if nobody watches the server.</summary>
    public Probe? Probe { get; }

    /// <summary>Shoppers with a page open.</summary>
    public int Present => _shoppers.Count(shopper => shopper.Pages.Count > 0);

    /// <summary>What the server ought to show of this crowd.</summary>
    public ShopNumbers Expected()
    {
        var all = _shoppers.Select(shopper => (shopper.Pages, shopper.Items));
        return ShopNumbers.Of(Probe is null ? all : all.Append((Probe.Pages, Probe.Items)));
    }

    /// <summary>All come, at the given pace, and shop. At the end they stand still.</summary>
    public async Task ShopAsync(CancellationToken stop)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var probing = Probe?.RunAsync(enough.Token) ?? Task.CompletedTask;
        var shopping = new List<Task>(_shoppers.Count);
        var begun = Stopwatch.GetTimestamp();
        foreach (var shopper in _shoppers)
        {
            var ahead = TimeSpan.FromSeconds(shopping.Count / _options.Ramp) - Stopwatch.GetElapsedTime(begun);
            if (ahead > TimeSpan.FromMilliseconds(5))
            {
                await Task.Delay(ahead, stop);
            }

            shopping.Add(shopper.ShopAsync(enough.Token));
        }

        await Task.Delay(_options.Shopping, stop);
        await enough.CancelAsync();
        await Task.WhenAll([probing, .. shopping]);
        foreach (var shopper in _shoppers)
        {
            await shopper.MendAsync();
        }
    }

    /// <summary>Compares what every member shows with what the crowd knows, and disagrees in words.</summary>
    public async Task CompareAsync()
    {
        var own = Expected();
        await Task.WhenAll(_observers.Select(async (observer, at) =>
        {
            var expected = own.Plus(_before[at]);
            var instead = await observer.UntilAsync(shown => shown.DifferenceFrom(expected) is null, _options.Patience);
            if (instead is not null)
            {
                Counts.Disagree($"{observer.Member}: {instead.DifferenceFrom(expected)}");
            }
        }));
    }

    /// <summary>All go: every second one says goodbye.</summary>
    public async Task LeaveAsync()
    {
        Probe?.Leave();
        foreach (var part in _shoppers.Chunk(200))
        {
            await Task.WhenAll(part.Select((shopper, at) => shopper.LeaveAsync(politely: at % 2 == 0)));
        }
    }
}
