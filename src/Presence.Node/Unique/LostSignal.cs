namespace Presence.Node;

/// <summary>Tells, once and on a thread of its own, that a term was lost; harmless after the term has ended.</summary>
internal sealed class LostSignal : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _lost = new();
    private bool _isDisposed;

    public LostSignal() => Token = _lost.Token;

    public CancellationToken Token { get; }

    /// <summary>Returns at once: whoever hears this may act at length.</summary>
    public void Raise() => ThreadPool.UnsafeQueueUserWorkItem(static signal => signal.RaiseHere(), this, preferLocal: false);

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _lost.Dispose();
    }

    private void RaiseHere()
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
            // The term ended a moment ago.
        }
    }
}
