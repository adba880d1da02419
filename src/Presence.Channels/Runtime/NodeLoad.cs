namespace Presence.Channels;

/// <summary>
/// How much the clients of a node may send together beyond their shares. The limit falls by half while the node is
/// busy, and rises by a quarter while it is not; it is measured only while clients exceed their shares.
/// </summary>
internal sealed class NodeLoad(ChannelLimits limits, TimeProvider time) : IDisposable
{
    public const double MaxExcess = 100_000;

    private const double MinExcess = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    private long _measured;
    private long _used;
    private long _filled;
    private double _excess = MaxExcess;
    private double _tokens;
    private bool _isDisposed;

    /// <summary>Gets the frames per second that all clients together may send beyond their shares.</summary>
    public double Excess => Volatile.Read(ref _excess);

    /// <summary>Takes frames of a client beyond its share.</summary>
    /// <returns>False if the node is busy: the client waits for its share.</returns>
    public bool TryTake(double frames, long now)
    {
        lock (_gate)
        {
            Start(now);
            if (_excess >= MaxExcess)
            {
                return true;
            }

            _tokens = Math.Min(_excess, _tokens + (time.GetElapsedTime(_filled, now).TotalSeconds * _excess));
            _filled = now;
            if (_tokens < 0)
            {
                return false;
            }

            _tokens -= frames;
            return true;
        }
    }

    /// <summary>Adapts the limit to how late the node's work is.</summary>
    public void Measured(TimeSpan delay)
    {
        lock (_gate)
        {
            _excess = delay > limits.BusyDelay
                ? Math.Max(MinExcess, _excess / 2)
                : Math.Min(MaxExcess, _excess * 1.25);
            _tokens = Math.Min(_tokens, _excess);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _timer?.Dispose();
        }
    }

    private void Start(long now)
    {
        _used = now;
        if (_timer is null && limits.BusyDelay > TimeSpan.Zero && !_isDisposed)
        {
            (_measured, _filled) = (now, now);
            _timer = time.CreateTimer(static load => ((NodeLoad)load!).Measure(), this, Interval, Interval);
        }
    }

    private void Measure()
    {
        // Timers run on the same threads as all work: what they are late, everything is.
        var now = time.GetTimestamp();
        Measured(time.GetElapsedTime(_measured, now) - Interval);
        lock (_gate)
        {
            _measured = now;
            if (time.GetElapsedTime(_used, now) > IdleTime && _excess >= MaxExcess)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }
}
