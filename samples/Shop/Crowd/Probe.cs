using System.Diagnostics;

namespace Presence.CommandLine;

/// <summary>
/// Measures how soon a change is shown: puts one item into a cart and out of it, and awaits the new count in the
/// statistics of each node.
/// </summary>
internal sealed class Probe(
    ShopperOptions options, ShopRange range, ShopperCounts counts, IReadOnlyList<ShopObserver> observers)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(1370);
    private const string Page = "/";

    private ShopperTab? _tab;
    private bool _isInCart;

    /// <summary>Gets the times from a request until a node shows the change.</summary>
    public Latencies Shown { get; } = new();

    public IReadOnlyList<string> Pages => _tab is null ? [] : [Page];

    public IReadOnlyCollection<int> Items => _isInCart ? [range.ProbeItem] : [];

    public async Task RunAsync(CancellationToken stop)
    {
        var cartId = $"{Guid.NewGuid():n}{Guid.NewGuid():n}";
        (_tab, _) = await ShopperTab.OpenAsync(options.Nodes[0], cartId, Page, null, counts);
        var before = observers.Select(observer => ShopObserver.CartsWith(observer.Latest, range.ProbeItem)).ToArray();
        while (!stop.IsCancellationRequested)
        {
            _isInCart = !_isInCart;
            var begun = Stopwatch.GetTimestamp();
            var change = _tab.ChangeAsync(_isInCart ? "add_item" : "remove_item", range.ProbeItem);
            var measurements = observers.Select((observer, index) =>
                MeasureAsync(observer, before[index] + (_isInCart ? 1 : 0), begun));
            await Task.WhenAll([change, .. measurements]);
            try
            {
                await Task.Delay(Pause, stop);
            }
            catch (OperationCanceledException)
            {
                // The loop ends.
            }
        }
    }

    public void Leave()
    {
        _tab?.Drop();
        _tab = null;
    }

    private async Task MeasureAsync(ShopObserver observer, int carts, long begun)
    {
        var shown = await observer.UntilAsync(
            stats => ShopObserver.CartsWith(stats, range.ProbeItem) == carts,
            options.Timeout);
        Shown.Add(Stopwatch.GetElapsedTime(begun));
        if (shown is not null)
        {
            counts.AddDisagreement($"{observer.Node} did not show a change within {options.Timeout.TotalSeconds:0} s");
        }
    }
}
