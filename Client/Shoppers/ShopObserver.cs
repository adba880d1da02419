using System.Diagnostics;
using System.Globalization;

namespace Presence.CommandLine;

/// <summary>Watches what one member shows its admins, as the dashboard does: <c>admin:live</c> and <c>admin:cluster</c>.</summary>
internal sealed class ShopObserver : IAsyncDisposable
{
    private readonly PhoenixSocket _socket;
    private readonly long _begun = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();
    private ShopNumbers? _latest;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ShopObserver(Uri member, PhoenixSocket socket) => (Member, _socket) = (member, socket);

    public Uri Member { get; }

    /// <summary>What came over the socket so far, in bytes per second.</summary>
    public double BytesPerSecond => _socket.ReceivedBytes / Math.Max(0.001, Stopwatch.GetElapsedTime(_begun).TotalSeconds);

    public static async Task<ShopObserver> OpenAsync(Uri member, NodeAccess access, CancellationToken stop)
    {
        var socket = await AdminConnection.OpenAsync(member, access, stop);
        var observer = new ShopObserver(member, socket);
        await socket.Channel("admin:live").On("stats", stats => observer.Take(ShopNumbers.Read(stats))).JoinAsync();
        await socket.Channel("admin:cluster").JoinAsync();
        await observer.UntilAsync(_ => true, TimeSpan.FromSeconds(10));
        return observer;
    }

    public ShopNumbers Latest
    {
        get
        {
            lock (_gate)
            {
                return _latest!;
            }
        }
    }

    /// <summary>Waits until the member shows what is wanted.</summary>
    /// <returns>Null, or what it showed instead when the time was over.</returns>
    public async Task<ShopNumbers?> UntilAsync(Func<ShopNumbers, bool> wanted, TimeSpan within)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            Task changed;
            ShopNumbers? latest;
            lock (_gate)
            {
                (changed, latest) = (_changed.Task, _latest);
            }

            if (latest is not null && wanted(latest))
            {
                return null;
            }

            var left = within - Stopwatch.GetElapsedTime(begun);
            if (left <= TimeSpan.Zero || _socket.Closed.IsCompleted)
            {
                return latest ?? throw new PhoenixException($"{Member} shows no numbers.");
            }

            await Task.WhenAny(changed, _socket.Closed, Task.Delay(left));
        }
    }

    /// <summary>How many carts hold an item.</summary>
    public static int Holding(ShopNumbers numbers, int item) =>
        numbers.Items.GetValueOrDefault(item.ToString(CultureInfo.InvariantCulture));

    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    private void Take(ShopNumbers numbers)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            _latest = numbers;
            (changed, _changed) = (_changed, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
    }
}
