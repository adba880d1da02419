using System.Diagnostics;
using System.Globalization;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine;

/// <summary>
/// Receives the statistics of one node as the dashboard does, on <c>admin:live</c> and <c>admin:cluster</c>.
/// </summary>
internal sealed class ShopObserver : IAsyncDisposable
{
    private readonly PhoenixSocket _socket;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private ShopStats? _latest;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ShopObserver(Uri node, PhoenixSocket socket) => (Node, _socket) = (node, socket);

    public Uri Node { get; }

    /// <summary>Gets the mean rate of received bytes per second.</summary>
    public double BytesPerSecond =>
        _socket.ReceivedBytes / Math.Max(0.001, Stopwatch.GetElapsedTime(_begun).TotalSeconds);

    public static async Task<ShopObserver> OpenAsync(Uri node, NodeAccess access, CancellationToken stop)
    {
        var socket = await AdminConnection.OpenAsync(node, access, stop);
        var observer = new ShopObserver(node, socket);
        await socket.Channel("admin:live").On("stats", stats => observer.OnStats(ShopStats.Read(stats))).JoinAsync();
        await socket.Channel("admin:cluster").JoinAsync();
        await observer.UntilAsync(_ => true, TimeSpan.FromSeconds(10));
        return observer;
    }

    public ShopStats Latest
    {
        get
        {
            lock (_gate)
            {
                return _latest!;
            }
        }
    }

    /// <summary>Waits until the statistics of the node meet a condition.</summary>
    /// <returns>Null, or the latest statistics if they did not meet it in time.</returns>
    public async Task<ShopStats?> UntilAsync(Func<ShopStats, bool> condition, TimeSpan within)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            ShopStats? latest;
            lock (_gate)
            {
                (changed, latest) = (_changed.Task, _latest);
            }

            if (latest is not null && condition(latest))
            {
                return null;
            }

            var left = within - Stopwatch.GetElapsedTime(begun);
            if (left <= TimeSpan.Zero || _socket.Closed.IsCompleted)
            {
                return latest ?? throw new PhoenixException($"{Node} sends no statistics.");
            }

            await Task.WhenAny(changed, _socket.Closed, Task.Delay(left));
        }
    }

    /// <summary>Returns the number of carts that hold an item.</summary>
    public static int CartsWith(ShopStats stats, int item) =>
        stats.Items.GetValueOrDefault(item.ToString(CultureInfo.InvariantCulture));

    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    private void OnStats(ShopStats stats)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _latest = stats;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }
}
