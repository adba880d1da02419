using System.Diagnostics.Metrics;

namespace Presence.Channels;

/// <summary>Meter <c>Presence.Channels</c>. No topic, key or user is ever a tag.</summary>
internal sealed class ChannelInstruments
{
    /// <summary>Name of the meter.</summary>
    public const string MeterName = "Presence.Channels";

    private readonly UpDownCounter<long> _sockets;
    private readonly UpDownCounter<long> _channels;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _closed;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _tokens;
    private readonly Counter<long> _crashed;
    private readonly Counter<long> _broadcasts;
    private readonly Counter<long> _diffs;

    public ChannelInstruments(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _sockets = meter.CreateUpDownCounter<long>("presence.sockets", "{socket}", "Sockets connected to this member.");
        _channels = meter.CreateUpDownCounter<long>("presence.channels", "{channel}", "Channels joined on this member.");
        _dropped = meter.CreateCounter<long>("presence.frames.dropped", "{frame}", "Frames and messages thrown away, by reason.");
        _closed = meter.CreateCounter<long>("presence.sockets.closed", "{socket}", "Sockets closed by this member, by reason.");
        _refused = meter.CreateCounter<long>("presence.sockets.refused", "{socket}", "Connections refused, by reason.");
        _tokens = meter.CreateCounter<long>("presence.tokens.refused", "{token}", "Tokens refused, by reason.");
        _crashed = meter.CreateCounter<long>("presence.channels.crashed", "{channel}", "Exceptions of sockets and channels, by place.");
        _broadcasts = meter.CreateCounter<long>("presence.broadcasts", "{message}", "Broadcasts given to channels of this member.");
        _diffs = meter.CreateCounter<long>("presence.diffs", "{message}", "presence_diff messages encoded on this member.");
    }

    public void SocketOpened() => _sockets.Add(1);

    public void SocketClosed() => _sockets.Add(-1);

    public void ChannelJoined() => _channels.Add(1);

    public void ChannelLeft() => _channels.Add(-1);

    public void Dropped(string reason) => _dropped.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Closed(string reason) => _closed.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Refused(string reason) => _refused.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void TokenRefused(string reason) => _tokens.Add(1, new KeyValuePair<string, object?>("reason", reason));

    public void Crashed(string place) => _crashed.Add(1, new KeyValuePair<string, object?>("place", place));

    public void BroadcastDelivered() => _broadcasts.Add(1);

    public void DiffSent() => _diffs.Add(1);
}
