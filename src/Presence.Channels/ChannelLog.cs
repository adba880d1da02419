using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;

namespace Presence.Channels;

/// <summary>
/// The log of sockets and channels. Clients can cause nearly all of its lines, so there are at most ten per minute and
/// kind, and their text is escaped.
/// </summary>
internal sealed partial class ChannelLog(ILogger log, TimeProvider time)
{
    private const int LinesPerMinute = 10;

    private readonly RateLimitedLogger _rate = new(time, LinesPerMinute);

    /// <param name="error">The exception.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="channel">The type of the channel.</param>
    public void JoinFailed(Exception error, string topic, string channel)
    {
        if (_rate.IsDue("join:" + channel, out var count))
        {
            LogJoinFailed(LogText.Escape(error), LogText.Escape(topic), count);
        }
    }

    public void JoinTimedOut(string topic, string channel)
    {
        if (_rate.IsDue("join timeout:" + channel, out var count))
        {
            LogJoinTimedOut(LogText.Escape(topic), count);
        }
    }

    public void ChannelFailed(Exception error, string topic, string channel)
    {
        if (_rate.IsDue("channel:" + channel, out var count))
        {
            LogChannelFailed(LogText.Escape(error), LogText.Escape(topic), count);
        }
    }

    public void TerminateFailed(Exception error, string topic, string channel)
    {
        if (_rate.IsDue("terminate:" + channel, out var count))
        {
            LogTerminateFailed(LogText.Escape(error), LogText.Escape(topic), count);
        }
    }

    public void ChannelAbandoned(string topic, string channel)
    {
        if (_rate.IsDue("abandoned:" + channel, out var count))
        {
            LogChannelAbandoned(LogText.Escape(topic), count);
        }
    }

    public void ConnectFailed(Exception error, string socket)
    {
        if (_rate.IsDue("connect:" + socket, out var count))
        {
            LogConnectFailed(LogText.Escape(error), socket, count);
        }
    }

    public void OriginRejected(string origin)
    {
        if (_rate.IsDue("origin", out var count))
        {
            const int MaxOrigin = 255;
            LogOriginRejected(LogText.Escape(origin.Length > MaxOrigin ? origin[..MaxOrigin] : origin), count);
        }
    }

    public void FetchFailed(Exception error, string topic)
    {
        if (_rate.IsDue("fetch", out var count))
        {
            LogFetchFailed(LogText.Escape(error), LogText.Escape(topic), count);
        }
    }

    public void FeedFailed(Exception error, string topic)
    {
        if (_rate.IsDue("feed", out var count))
        {
            LogFeedFailed(LogText.Escape(error), LogText.Escape(topic), count);
        }
    }

    public void ForwardedRequestFailed(Exception error)
    {
        if (_rate.IsDue("forward", out var count))
        {
            LogForwardedRequestFailed(LogText.Escape(error), count);
        }
    }

    [LoggerMessage(LogLevel.Warning, "{Count} sockets were still open when the drain ended")]
    public partial void DrainUnfinished(int count);

    [LoggerMessage(LogLevel.Error,
        "Join of {Topic} threw; client got 'join crashed' ({Count} occurrences since last log)")]
    private partial void LogJoinFailed(Exception error, string topic, long count);

    [LoggerMessage(LogLevel.Warning,
        "Join of {Topic} timed out; client got 'join timeout' ({Count} occurrences since last log)")]
    private partial void LogJoinTimedOut(string topic, long count);

    [LoggerMessage(LogLevel.Error, "Channel {Topic} threw; client got phx_error ({Count} occurrences since last log)")]
    private partial void LogChannelFailed(Exception error, string topic, long count);

    [LoggerMessage(LogLevel.Error, "TerminateAsync of channel {Topic} threw ({Count} occurrences since last log)")]
    private partial void LogTerminateFailed(Exception error, string topic, long count);

    [LoggerMessage(LogLevel.Warning,
        "Channel {Topic} did not end in time and was abandoned ({Count} occurrences since last log)")]
    private partial void LogChannelAbandoned(string topic, long count);

    [LoggerMessage(LogLevel.Error,
        "ConnectAsync of {Socket} threw; connection rejected ({Count} occurrences since last log)")]
    private partial void LogConnectFailed(Exception error, string socket, long count);

    [LoggerMessage(LogLevel.Warning,
        "Origin {Origin} rejected; allow it in Presence:AllowedOrigins ({Count} occurrences since last log)")]
    private partial void LogOriginRejected(string origin, long count);

    [LoggerMessage(LogLevel.Error,
        "FetchAsync failed for {Topic}; fields omitted ({Count} occurrences since last log)")]
    private partial void LogFetchFailed(Exception error, string topic, long count);

    [LoggerMessage(LogLevel.Error, "Sending presences of {Topic} failed ({Count} occurrences since last log)")]
    private partial void LogFeedFailed(Exception error, string topic, long count);

    [LoggerMessage(LogLevel.Error,
        "A long-poll request that another node forwarded failed ({Count} occurrences since last log)")]
    private partial void LogForwardedRequestFailed(Exception error, long count);
}
