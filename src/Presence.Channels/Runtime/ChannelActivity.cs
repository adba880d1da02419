namespace Presence.Channels;

/// <summary>
/// Counts what channels and feeds have under way, so that a test can wait until they have come to rest. A server has none
/// unless one is among its services.
/// </summary>
/// <remarks>
/// Whoever hands over work has called <see cref="Began"/> for it before its own work ends, so zero means that nothing runs
/// and nothing waits to run.
/// </remarks>
internal sealed class ChannelActivity
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _change;
    private int _running;
    private long _begun;

    /// <summary>How often work began.</summary>
    public long Begun
    {
        get
        {
            lock (_gate)
            {
                return _begun;
            }
        }
    }

    public int Running
    {
        get
        {
            lock (_gate)
            {
                return _running;
            }
        }
    }

    public void Began()
    {
        lock (_gate)
        {
            _running++;
            _begun++;
        }
    }

    public async Task WatchAsync(Task work)
    {
        try
        {
            await work.ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _running--;
                _change?.TrySetResult();
                _change = null;
            }
        }
    }

    /// <summary>Completes at the next end of any work, or at once if no more than <paramref name="rest"/> is under way.</summary>
    public Task EndOfOneAsync(int rest)
    {
        lock (_gate)
        {
            if (_running <= rest)
            {
                return Task.CompletedTask;
            }

            _change ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _change.Task;
        }
    }
}
