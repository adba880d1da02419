using Presence.Channels;

namespace Presence.TestKit;

/// <summary>Waiting until what was set going has come to rest.</summary>
public sealed partial class ChannelTestServer
{
    private readonly Lock _arrivalGate = new();
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waitingOnTime;

    private ChannelActivity Activity => Server.Activity!;

    /// <summary>
    /// Waits until every channel has handled its mail and every change of a presence has been told. Timers that have not
    /// fired are left alone. A channel that waits on time, or on work of its own, is given up after <see cref="Patience"/>.
    /// </summary>
    public async Task SettleAsync()
    {
        while (true)
        {
            var begun = Activity.Begun;
            if (Activity.Running == 0)
            {
                _waitingOnTime = 0;
            }
            else if (Activity.Running > _waitingOnTime)
            {
                await EndOfOneAsync().ConfigureAwait(false);
                continue;
            }

            // Every command that a channel has given to the tracker comes before this one.
            await Node.Tracker.UntrackAllAsync(_probe).ConfigureAwait(false);
            await Node.Tracker.DeliveredAsync().WaitAsync(Patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (begun == Activity.Begun && Activity.Running <= _waitingOnTime)
            {
                return;
            }
        }
    }

    internal void SignalArrival()
    {
        TaskCompletionSource arrived;
        lock (_arrivalGate)
        {
            arrived = _arrival;
            _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        arrived.TrySetResult();
    }

    /// <summary>What <paramref name="find"/> gives once all is at rest, or within patience after it; else null.</summary>
    internal async Task<T?> FindAsync<T>(Func<T?> find)
        where T : class
    {
        await SettleAsync().ConfigureAwait(false);
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Task arrival;
            lock (_arrivalGate)
            {
                arrival = _arrival.Task;
            }

            if (find() is { } found)
            {
                return found;
            }

            try
            {
                await arrival.WaitAsync(patience.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return find();
            }
        }
    }

    private async Task EndOfOneAsync()
    {
        try
        {
            await Activity.EndOfOneAsync(_waitingOnTime).WaitAsync(Patience).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _waitingOnTime = Activity.Running;
        }
    }
}
