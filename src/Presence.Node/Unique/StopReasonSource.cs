namespace Presence.Node.Unique;

/// <summary>Cancels a token once, on the thread pool, when a leadership is lost; not after disposal.</summary>
internal sealed class StopReasonSource : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _lost = new();
    private bool _isDisposed;

    public StopReasonSource() => Token = _lost.Token;

    public CancellationToken Token { get; }

    /// <summary>Cancels the token. Returns at once, because its callbacks may take long.</summary>
    public void Raise() => ThreadPool.UnsafeQueueUserWorkItem(
        static source => source.CancelUnlessDisposed(), this, preferLocal: false);

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _lost.Dispose();
    }

    private void CancelUnlessDisposed()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }
        }

        try
        {
            _lost.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The leadership ended meanwhile.
        }
    }
}
