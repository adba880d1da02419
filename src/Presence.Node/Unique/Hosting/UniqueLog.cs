using Microsoft.Extensions.Logging;

namespace Presence.Node.Unique.Hosting;

internal static partial class UniqueLog
{
    [LoggerMessage(LogLevel.Information, "Unique process {Name} started on this node, epoch {Epoch}")]
    public static partial void UniqueStarted(this ILogger log, string name, long? epoch);

    [LoggerMessage(LogLevel.Information, "Stopping unique process {Name}: {Reason}")]
    public static partial void UniqueStopping(this ILogger log, string name, UniqueStopReason reason);

    [LoggerMessage(LogLevel.Error, "Unique process {Name} threw; this node is no candidate for it for {Pause}")]
    public static partial void UniqueFailed(this ILogger log, string name, TimeSpan pause, Exception exception);

    [LoggerMessage(LogLevel.Error,
        "Unique process {Name} did not stop within {Timeout} ({Reason}) and is abandoned; another instance may start")]
    public static partial void UniqueAbandoned(
        this ILogger log, string name, TimeSpan timeout, UniqueStopReason reason);

    [LoggerMessage(LogLevel.Error, "Election for unique process {Name} failed; this node rejoins it")]
    public static partial void CandidacyFailed(this ILogger log, string name, Exception exception);

    [LoggerMessage(LogLevel.Warning,
        "Lease of unique process {Name}: {Operation} failed ({Count} occurrences since last log)")]
    public static partial void LeaseOperationFailed(
        this ILogger log, string name, string operation, long count, Exception exception);

    [LoggerMessage(LogLevel.Warning,
        "Status of unique process {Name} could not be published ({Count} occurrences since last log)")]
    public static partial void UniquePublishFailed(this ILogger log, string name, long count, Exception exception);
}
