using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Signals once that a process must stop, and why. Does nothing after disposal. Does not block.</summary>
internal sealed class ShutdownSignal : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _source = new();
    private bool _isDisposed;

    public ShutdownSignal() => Token = _source.Token;

    public CancellationToken Token { get; }

    public UniqueStopReason Reason { get; private set; }

    public bool IsRaised => Token.IsCancellationRequested;

    public void Raise(UniqueStopReason reason)
    {
        lock (_gate)
        {
            if (!_isDisposed && !IsRaised)
            {
                Reason = reason;
                _ = _source.CancelAsync();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _source.Dispose();
    }
}
