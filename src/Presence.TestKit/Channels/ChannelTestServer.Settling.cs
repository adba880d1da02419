using Presence.Channels.Runtime;

namespace Presence.TestKit;

/// <summary>Waits until the server is idle.</summary>
public sealed partial class ChannelTestServer
{
    private readonly Lock _arrivalGate = new();
    private TaskCompletionSource _arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waitingOnTime;

    private ChannelActivity Activity => Server.Activity!;

    /// <summary>
    /// Waits until every channel has handled its mailbox and every presence change has been delivered. Pending timers
    /// are ignored. A channel that waits on time, or on other work, is ignored after <see cref="Timeout"/>.
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

            // Commands that channels have sent to the tracker run before this one.
            await Node.Tracker.UntrackAllAsync(_probe).ConfigureAwait(false);
            var delivered = Node.Tracker.DeliveredAsync().WaitAsync(Timeout);
            await delivered.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

    /// <summary>Waits for a result of <paramref name="find"/>, up to the timeout after the server is idle.</summary>
    internal async Task<T?> FindAsync<T>(Func<T?> find)
        where T : class
    {
        await SettleAsync().ConfigureAwait(false);
        using var timeout = new CancellationTokenSource(Timeout);
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
                await arrival.WaitAsync(timeout.Token).ConfigureAwait(false);
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
            await Activity.EndOfOneAsync(_waitingOnTime).WaitAsync(Timeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _waitingOnTime = Activity.Running;
        }
    }
}
