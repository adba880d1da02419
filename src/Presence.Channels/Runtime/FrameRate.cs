namespace Presence.Channels;

/// <summary>A token bucket over the frames of one socket. Used by its reader alone.</summary>
internal struct FrameRate(ChannelLimits limits, long start)
{
    private double _tokens = limits.FrameBurst;
    private long _filled = start;

    public bool Take(ChannelServer server, long now)
    {
        var rate = server.Limits.MaxFramesPerSecond;
        if (rate == 0)
        {
            return true;
        }

        var earned = server.Time.GetElapsedTime(_filled, now).TotalSeconds * rate;
        _tokens = Math.Min(server.Limits.FrameBurst, _tokens + earned);
        _filled = now;
        if (_tokens < 1)
        {
            return false;
        }

        _tokens--;
        return true;
    }
}
