using Microsoft.Extensions.Logging;

namespace Presence.Node;

internal static partial class UniqueLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Unique process {Name} runs here now, epoch {Epoch}")]
    public static partial void UniqueStarted(this ILogger log, string name, long? epoch);

    [LoggerMessage(Level = LogLevel.Information, Message = "Unique process {Name} is asked to stop: {Reason}")]
    public static partial void UniqueStopping(this ILogger log, string name, UniqueStopReason reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Unique process {Name} failed; this member does not compete for it for {Pause}")]
    public static partial void UniqueFailed(this ILogger log, string name, TimeSpan pause, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Unique process {Name} did not end within {Grace} when asked to ({Reason}); it is left alone, and another may run beside it")]
    public static partial void UniqueAbandoned(this ILogger log, string name, TimeSpan grace, UniqueStopReason reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "The contest for unique process {Name} failed; this member enters it again")]
    public static partial void UniqueContestFailed(this ILogger log, string name, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Lease of unique process {Name}: {What} failed ({Times} times since last said)")]
    public static partial void LeaseTrouble(this ILogger log, string name, string what, long times, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The status of unique process {Name} could not be published ({Times} occurrences since last log)")]
    public static partial void UniqueUnannounced(this ILogger log, string name, long times, Exception exception);
}
