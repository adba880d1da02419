using Microsoft.Extensions.Logging;

namespace Presence.Postgres;

internal static partial class LinkLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Member} is connected to PostgreSQL, schema {Schema}; {Others} others are")]
    public static partial void Connected(this ILogger log, string member, string schema, int others);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Member {Member} lost PostgreSQL and serves what it has: {Problem}. It tries again until the database is back")]
    public static partial void Lost(this ILogger log, string member, string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Member {Member} does not reach PostgreSQL yet: {Problem}")]
    public static partial void StillLost(this ILogger log, string member, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Member} reaches PostgreSQL again after {Seconds:0.0} s; {Frames} frames were dropped meanwhile and are repaired")]
    public static partial void Returned(this ILogger log, string member, double seconds, long frames);

    [LoggerMessage(Level = LogLevel.Warning, Message = "PostgreSQL's queue of notifications is {Percent:0} % full: some session of the server listens and does not take what comes, because its client stands still or its transaction goes on. When it is full, no frame is sent any more: find that session in pg_stat_activity and end it")]
    public static partial void QueueFills(this ILogger log, double percent);

    [LoggerMessage(Level = LogLevel.Error, Message = "What took a frame failed; the link goes on")]
    public static partial void ReceiverFailed(this ILogger log, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "PostgreSQL refused {Notifications} notifications: {Problem}; they are lost and repaired")]
    public static partial void Refused(this ILogger log, int notifications, string problem);
}
