using System.Text;

namespace Presence.Channels;

/// <summary>Event names of the protocol.</summary>
internal static class WireEvents
{
    public const string Join = "phx_join";
    public const string Leave = "phx_leave";
    public const string Reply = "phx_reply";
    public const string Close = "phx_close";
    public const string Error = "phx_error";
    public const string Heartbeat = "heartbeat";
    public const string PhoenixTopic = "phoenix";
    public const string Disconnect = "disconnect";
    public const string PresenceState = "presence_state";
    public const string PresenceDiff = "presence_diff";

    /// <summary>Throws unless an application may send an event of this name.</summary>
    public static void Check(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.StartsWith("phx_", StringComparison.Ordinal))
        {
            throw new ArgumentException($"Event '{name}': names that begin with 'phx_' belong to the protocol.", nameof(name));
        }

        if (Encoding.UTF8.GetByteCount(name) > 255)
        {
            throw new ArgumentException("An event's name has at most 255 bytes.", nameof(name));
        }
    }
}

/// <summary>What clients are told when the server itself answers.</summary>
internal static class WireReasons
{
    public static readonly ChannelPayload UnmatchedTopic = Reason("unmatched topic");
    public static readonly ChannelPayload JoinCrashed = Reason("join crashed");
    public static readonly ChannelPayload JoinTimeout = Reason("join timeout");
    public static readonly ChannelPayload TooManyChannels = Reason("too many channels joined");
    public static readonly ChannelPayload TopicTooLong = Reason("topic too long");
    public static readonly ChannelPayload UnknownEvent = Reason("unknown event");
    public static readonly ChannelPayload ChannelBusy = Reason("channel busy");
    public static readonly ChannelPayload ChannelCrash = Reason("channel_crash");

    private static ChannelPayload Reason(string reason) => ChannelPayload.From(new { reason });
}

/// <summary>Close codes of RFC 6455 as this server uses them.</summary>
internal static class CloseCodes
{
    public const int Normal = 1000;
    public const int GoingAway = 1001;
    public const int InvalidPayload = 1007;
    public const int PolicyViolation = 1008;
    public const int TooBig = 1009;
    public const int ServiceRestart = 1012;
}
