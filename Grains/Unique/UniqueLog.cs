using Microsoft.Extensions.Logging;

namespace Presence.Grains.Unique;

internal static partial class UniqueLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "The grain that arbitrates unique process {Name} could not be reached; trying until it can, which is not logged again")]
    public static partial void NotHeard(this ILogger log, string name, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unique process {Name}: the lease is asked for without the grain, which could not be reached")]
    public static partial void AskedWithoutGrain(this ILogger log, string name, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "This silo arbitrates unique process {Name} now")]
    public static partial void Arbitrates(this ILogger log, string name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unique process {Name} ran on two members at once; the one with the older term stays")]
    public static partial void Conflict(this ILogger log, string name);
}
