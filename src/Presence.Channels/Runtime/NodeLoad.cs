namespace Presence.Channels.Runtime;

/// <summary>
/// How much the clients of a node may send together beyond their shares. The limit falls by half while the node is
/// busy: its work is late, or it uses much of its processors. Otherwise it rises by a quarter while it is used, and
/// returns to its start while it is not: a limit that nobody has tried for a while says nothing about what the node can
/// do, and busy is noticed only afterwards. It is measured only while clients exceed their shares.
/// </summary>
internal sealed class NodeLoad(ChannelLimits limits, TimeProvider time) : IDisposable
{
    /// <summary>Frames per second in the beginning.</summary>
    public const double StartExcess = 2000;

    public const double MaxExcess = 100_000;

    private const double MinExcess = 100;

    /// <summary>Seconds of the limit that may be taken at once.</summary>
    private const double Burst = 0.2;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private ITimer? _timer;
    // A clock of tests has nothing to do with the time that processors worked.
    private readonly bool _isRealTime = time == TimeProvider.System;

    private long _measured;
    private TimeSpan _processor;
    private long _used;
    private long _filled;
    private double _excess = StartExcess;
    private double _tokens;
    private double _wanted;
    private bool _isDisposed;

    /// <summary>Gets the frames per second that all clients together may send beyond their shares.</summary>
    public double Excess => Volatile.Read(ref _excess);

    /// <summary>Takes frames of a client beyond its share, unless its share is back sooner.</summary>
    /// <param name="frames">The number of frames.</param>
    /// <param name="share">Seconds until the client has its share again.</param>
    /// <param name="now">The timestamp.</param>
    /// <returns>Seconds to wait before the next read; null if the frames were not taken.</returns>
    public double? TryTake(double frames, double share, long now)
    {
        if (limits.BusyDelay == TimeSpan.Zero)
        {
            return 0;
        }

        lock (_gate)
        {
            Start(now);
            _wanted += frames;
            var elapsed = time.GetElapsedTime(_filled, now).TotalSeconds;
            _tokens = Math.Min(_excess * Burst, _tokens + (elapsed * _excess));
            _filled = now;
            var wait = Math.Max(0, (frames - _tokens) / _excess);
            if (wait >= share)
            {
                return null;
            }

            _tokens -= frames;
            return wait;
        }
    }

    /// <summary>Adapts the limit to how late work is, and to the part of the processors that the node uses.</summary>
    public void Measured(TimeSpan delay, double processor = 0)
    {
        var isBusy = delay > limits.BusyDelay || processor > limits.BusyProcessor;
        lock (_gate)
        {
            var isUsed = _wanted * 2 > _excess * Interval.TotalSeconds;
            var before = _excess;
            _wanted = 0;
            _excess = isBusy ? Math.Max(MinExcess, _excess / 2)
                : isUsed || _excess < StartExcess ? Math.Min(MaxExcess, _excess * 1.25)
                : Math.Max(StartExcess, _excess / 1.25);

            // Who waits, waits as long as before.
            _tokens *= _excess / before;
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

    private TimeSpan ProcessorTime => _isRealTime ? Environment.CpuUsage.TotalTime : TimeSpan.Zero;

    private void Start(long now)
    {
        _used = now;
        if (_timer is null && !_isDisposed)
        {
            (_measured, _filled, _tokens) = (now, now, _excess * Burst);
            _processor = ProcessorTime;
            _timer = time.CreateTimer(static load => ((NodeLoad)load!).Measure(), this, Interval, Interval);
        }
    }

    private void Measure()
    {
        // Timers run on the same threads as all work: what they are late, everything is.
        var now = time.GetTimestamp();
        var (elapsed, processor) = (time.GetElapsedTime(_measured, now), ProcessorTime);
        Measured(elapsed - Interval, (processor - _processor) / (elapsed * Environment.ProcessorCount));
        lock (_gate)
        {
            (_measured, _processor) = (now, processor);
            if (time.GetElapsedTime(_used, now) > IdleTime && _excess >= StartExcess)
            {
                _timer?.Dispose();
                _timer = null;
            }
        }
    }
}
