namespace Presence.Channels.Runtime;

/// <summary>
/// Counts the running work of channels and feeds, so that tests can wait until it is done. Servers have none unless it
/// is registered as a service.
/// </summary>
/// <remarks>
/// <see cref="Began"/> is called for queued work before the work that queued it ends, so zero means that nothing runs
/// or waits.
/// </remarks>
internal sealed class ChannelActivity
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _change;
    private int _running;
    private long _begun;

    /// <summary>Gets how often work began.</summary>
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

    /// <summary>Completes when any work ends, or at once if no more than <paramref name="rest"/> is running.</summary>
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
