namespace Presence.Channels.Runtime;

/// <summary>
/// Token buckets for the frames and bytes of one client, which may run into debt: its own limits, and its share of a
/// busy node. Not thread-safe.
/// </summary>
internal struct InputRate(ChannelLimits limits, long start)
{
    // The longest wait after one read: a client that closes is noticed that much later.
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxBusyWait = TimeSpan.FromSeconds(10);

    /// <summary>Seconds of its share that a client may use at once.</summary>
    private const int ShareBurst = 10;

    /// <summary>Bytes that cost a busy node about as much as a frame.</summary>
    private const double BytesOfFrame = 4096;

    private double _frames = limits.FrameBurst;
    private double _bytes = limits.ByteBurst;
    private double _share = limits.BusyFramesPerSecond * ShareBurst;
    private double _charged;
    private long _filled = start;
    private long? _throttledSince;

    /// <summary>
    /// Gets whether the client has lately used more than a second of its share. Others can keep up with a client that
    /// has not.
    /// </summary>
    public readonly bool IsFast => _share - _charged < limits.BusyFramesPerSecond * (ShareBurst - 1);

    /// <summary>Counts work for the client as so many frames of its share.</summary>
    public void Charge(double frames) => _charged += frames;

    /// <summary>Takes what was read.</summary>
    /// <param name="server">The server.</param>
    /// <param name="read">The number of frames and bytes.</param>
    /// <param name="now">The timestamp.</param>
    /// <param name="wait">How long to wait before the next read, and why.</param>
    /// <returns>False if the client has been too fast for longer than the timeout.</returns>
    public bool TryTake(
        ChannelServer server, (int Frames, int Bytes) read, long now, out (TimeSpan Time, string Reason) wait)
    {
        var limits = server.Limits;
        var elapsed = server.Time.GetElapsedTime(_filled, now).TotalSeconds;
        _filled = now;
        var hasPaused = true;
        var seconds = Math.Max(
            Take(ref _frames, (limits.MaxFramesPerSecond, limits.FrameBurst), elapsed, read.Frames, ref hasPaused),
            Take(ref _bytes, (limits.MaxBytesPerSecond, limits.ByteBurst), elapsed, read.Bytes, ref hasPaused));
        var busy = TakeShare(server, Math.Max(read.Frames, read.Bytes / BytesOfFrame), now, elapsed);
        var (own, shared) = (Limit(seconds, MaxWait), Limit(busy, MaxBusyWait));
        wait = own >= shared ? (own, "rate") : (shared, "busy");
        _throttledSince = hasPaused ? null : _throttledSince;
        if (seconds > 0)
        {
            _throttledSince ??= now;
        }

        return _throttledSince is not { } since || server.Time.GetElapsedTime(since, now) <= limits.ThrottleTimeout;
    }

    /// <returns>Seconds of debt; zero or less if there is none.</returns>
    private static double Take(
        ref double tokens, (int Rate, int Burst) limit, double elapsed, int taken, ref bool hasPaused)
    {
        if (limit.Rate == 0)
        {
            return 0;
        }

        // A second's worth is back, or all.
        tokens = Math.Min(limit.Burst, tokens + (elapsed * limit.Rate));
        hasPaused &= tokens >= Math.Min(limit.Burst, limit.Rate);
        tokens -= taken;
        return -tokens / limit.Rate;
    }

    /// <returns>Seconds until the node or its share lets the client go on; zero or less if it need not wait.</returns>
    private double TakeShare(ChannelServer server, double frames, long now, double elapsed)
    {
        var rate = server.Limits.BusyFramesPerSecond;
        _share = Math.Min(rate * ShareBurst, _share + (elapsed * rate)) - frames - _charged;
        _charged = 0;
        if (_share < 0 && server.Load.TryTake(-_share, -_share / rate, now) is { } wait)
        {
            _share = 0;
            return wait;
        }

        return -_share / rate;
    }

    private static TimeSpan Limit(double seconds, TimeSpan max) =>
        seconds >= max.TotalSeconds ? max : TimeSpan.FromSeconds(Math.Max(0, seconds));
}
