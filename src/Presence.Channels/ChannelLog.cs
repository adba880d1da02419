using Microsoft.Extensions.Logging;

namespace Presence.Channels;

internal static partial class ChannelLog
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Join of {Topic} crashed; the client was told, the socket goes on")]
    public static partial void JoinCrashed(this ILogger log, Exception error, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "Channel {Topic} crashed; the client joins again, the socket goes on")]
    public static partial void ChannelCrashed(this ILogger log, Exception error, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "Channel {Topic} threw while it ended")]
    public static partial void TerminateCrashed(this ILogger log, Exception error, string topic);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Channel {Topic} did not end in time and was abandoned")]
    public static partial void ChannelAbandoned(this ILogger log, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Socket} crashed while a client connected; it was refused")]
    public static partial void ConnectCrashed(this ILogger log, Exception error, string socket);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A page of {Origin} may not connect; allow it in Presence:AllowedOrigins")]
    public static partial void OriginRefused(this ILogger log, string origin);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} sockets were still open when the drain ended")]
    public static partial void DrainUnfinished(this ILogger log, int count);

    [LoggerMessage(Level = LogLevel.Error, Message = "What belongs to the presences of {Topic} could not be fetched; they went out bare")]
    public static partial void FetchFailed(this ILogger log, Exception error, string topic);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Join of {Topic} was not decided in time; the client was told")]
    public static partial void JoinTimedOut(this ILogger log, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "Presences of {Topic} could not be sent")]
    public static partial void FeedCrashed(this ILogger log, Exception error, string topic);
}
