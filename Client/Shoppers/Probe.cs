using System.Diagnostics;

namespace Presence.CommandLine;

/// <summary>
/// A shopper of its own that puts one item in and out of its cart, and measures from the moment it asks until each member
/// shows it to its admins.
/// </summary>
internal sealed class Probe(CrowdOptions options, Wares wares, CrowdCounts counts, IReadOnlyList<ShopObserver> observers)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1370);
    private const string Page = "/";

    private ShopperTab? _tab;
    private bool _isIn;

    /// <summary>From asking to being shown.</summary>
    public Latencies Shown { get; } = new();

    public IReadOnlyList<string> Pages => _tab is null ? [] : [Page];

    public IReadOnlyCollection<int> Items => _isIn ? [wares.ProbeItem] : [];

    public async Task RunAsync(CancellationToken enough)
    {
        var cartId = $"{Guid.NewGuid():n}{Guid.NewGuid():n}";
        (_tab, _) = await ShopperTab.OpenAsync(options.Members[0], cartId, Page, null, counts);
        var before = observers.Select(observer => ShopObserver.Holding(observer.Latest, wares.ProbeItem)).ToArray();
        while (!enough.IsCancellationRequested)
        {
            _isIn = !_isIn;
            var begun = Stopwatch.GetTimestamp();
            var change = _tab.ChangeAsync(_isIn ? "add_item" : "remove_item", wares.ProbeItem);
            var shown = observers.Select((observer, at) => SeeAsync(observer, before[at] + (_isIn ? 1 : 0), begun));
            await Task.WhenAll([change, .. shown]);
            try
            {
                await Task.Delay(Pause, enough);
            }
            catch (OperationCanceledException)
            {
                // Enough.
            }
        }
    }

    public void Leave()
    {
        _tab?.Drop();
        _tab = null;
    }

    private async Task SeeAsync(ShopObserver observer, int wanted, long begun)
    {
        var instead = await observer.UntilAsync(
            numbers => ShopObserver.Holding(numbers, wares.ProbeItem) == wanted,
            options.Patience);
        Shown.Add(Stopwatch.GetElapsedTime(begun));
        if (instead is not null)
        {
            counts.Disagree($"{observer.Member} did not show a change within {options.Patience.TotalSeconds:0} s");
        }
    }
}
