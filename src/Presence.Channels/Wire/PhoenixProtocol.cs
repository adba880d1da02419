using System.Text;

namespace Presence.Channels.Wire;

/// <summary>Event names of the Phoenix Channels protocol.</summary>
internal static class PhoenixEvents
{
    public const string Join = "phx_join";
    public const string Leave = "phx_leave";
    public const string Reply = "phx_reply";
    public const string Close = "phx_close";
    public const string Error = "phx_error";
    public const string Heartbeat = "heartbeat";
    public const string PhoenixTopic = "phoenix";
    public const string AccessToken = "access_token";
    public const string Disconnect = "disconnect";
    public const string PresenceState = "presence_state";
    public const string PresenceDiff = "presence_diff";
    public const string PresenceCursor = "presence_cursor";
    public const string PresenceSuperseded = "presence_superseded";
    public const string PresenceView = "presence_view";
    public const string PresenceMode = "presence_mode";
    public const string PresenceCounts = "presence_counts";
    public const string PresencePage = "presence_page";

    /// <summary>Throws if an application may not send an event of this name.</summary>
    public static void Check(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.StartsWith("phx_", StringComparison.Ordinal))
        {
            throw new ArgumentException($"Event '{name}': names with the prefix 'phx_' are reserved.", nameof(name));
        }

        if (Encoding.UTF8.GetByteCount(name) > 255)
        {
            throw new ArgumentException("An event's name has at most 255 bytes.", nameof(name));
        }
    }
}

/// <summary>Error payloads of the server.</summary>
internal static class PhoenixReasons
{
    public static readonly ChannelPayload UnmatchedTopic = Reason("unmatched topic");
    public static readonly ChannelPayload JoinCrashed = Reason("join crashed");
    public static readonly ChannelPayload JoinTimeout = Reason("join timeout");
    public static readonly ChannelPayload TooManyChannels = Reason("too many channels joined");
    public static readonly ChannelPayload TopicTooLong = Reason("topic too long");
    public static readonly ChannelPayload EventTooLong = Reason("event too long");
    public static readonly ChannelPayload UnknownEvent = Reason("unknown event");
    public static readonly ChannelPayload InvalidToken = Reason("invalid token");
    public static readonly ChannelPayload InvalidText = Reason("invalid text");
    public static readonly ChannelPayload PayloadTooDeep = Reason("payload too deep");
    public static readonly ChannelPayload ChannelBusy = Reason("channel busy");
    public static readonly ChannelPayload ChannelCrash = Reason("channel_crash");

    /// <summary>Returns the message of an error that a client has caused.</summary>
    public static ChannelPayload Because(string message) => Reason(message);

    private static ChannelPayload Reason(string reason) => ChannelPayload.From(new { reason });
}

/// <summary>WebSocket close codes (RFC 6455) of this server.</summary>
internal static class CloseCodes
{
    public const int Normal = 1000;
    public const int GoingAway = 1001;
    public const int InvalidPayload = 1007;
    public const int PolicyViolation = 1008;
    public const int TooBig = 1009;
    public const int ServiceRestart = 1012;
}
