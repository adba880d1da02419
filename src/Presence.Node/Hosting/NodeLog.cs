using Microsoft.Extensions.Logging;

namespace Presence.Node.Hosting;

internal static partial class NodeLog
{
    [LoggerMessage(LogLevel.Information, "Node {Node}#{Incarnation} started; cluster transport: {Transport}")]
    public static partial void Started(this ILogger log, string node, ulong incarnation, string transport);

    [LoggerMessage(LogLevel.Warning,
        "Node {Node} starts without the presences of all nodes: not received within {Seconds} s "
        + "(Presence:SynchronizationTimeout)")]
    public static partial void NotSynchronized(this ILogger log, string node, double seconds);

    [LoggerMessage(LogLevel.Information,
        "Node {Node} left the cluster; {Acknowledged} of {Sent} leave frames were acknowledged")]
    public static partial void Left(this ILogger log, string node, int acknowledged, int sent);

    [LoggerMessage(LogLevel.Critical, "Node {Node} stops: a newer live node has the same name (Presence:NodeName)")]
    public static partial void NameConflict(this ILogger log, string node);

    [LoggerMessage(LogLevel.Error, "A failure handler of node {Node} threw; the host may keep running")]
    public static partial void StopRequestFailed(this ILogger log, string node, Exception exception);

    [LoggerMessage(LogLevel.Error, "Drain participant {Participant} failed")]
    public static partial void DrainParticipantFailed(this ILogger log, string participant, Exception exception);

    [LoggerMessage(Message = "Tracker {Tracker} shard {Shard}: {Event} {Replica} {Detail}")]
    public static partial void ReplicaEvent(
        this ILogger log, LogLevel level, string tracker, int shard, string @event, string replica, string? detail);

    [LoggerMessage(LogLevel.Warning,
        "Frame from {Node} for {Channel}/{Shard} dropped: {Reason} {Detail} ({Count} occurrences since last log)")]
    public static partial void FrameDropped(
        this ILogger log, string node, string channel, int shard, string reason, string? detail, long count);

    [LoggerMessage(LogLevel.Error,
        "Handler of tracker {Tracker} threw; it keeps receiving diffs ({Count} occurrences since last log)")]
    public static partial void HandlerFailed(this ILogger log, string tracker, long count, Exception exception);

    [LoggerMessage(LogLevel.Error, "Subscriber threw; it keeps receiving diffs ({Count} occurrences since last log)")]
    public static partial void SubscriberFailed(this ILogger log, long count, Exception exception);

    [LoggerMessage(LogLevel.Error,
        "Tracker {Tracker} shard {Shard}: exception at a command or frame ({Count} occurrences since last log)")]
    public static partial void InputFailed(
        this ILogger log, string tracker, int shard, long count, Exception exception);

    [LoggerMessage(LogLevel.Error,
        "Pub/sub broadcast dropped: the cluster transport threw ({Count} occurrences since last log)")]
    public static partial void BroadcastFailed(this ILogger log, long count, Exception exception);

    [LoggerMessage(LogLevel.Warning, "Leave frame to node {Node} failed; its failure detector will detect the stop")]
    public static partial void LeaveFrameFailed(this ILogger log, string node, Exception exception);

    [LoggerMessage(LogLevel.Error, "Node {Node} could not leave gracefully; draining continues")]
    public static partial void LeaveFailed(this ILogger log, string node, Exception exception);

    [LoggerMessage(LogLevel.Information, "Node {Node} handed over {HandedOver} of {All} resumable sessions")]
    public static partial void HandedOver(this ILogger log, string node, int handedOver, int all);

    [LoggerMessage(LogLevel.Warning,
        "Times of {Keys} keys could not be stored; repeated in 5 s ({Count} occurrences since last log)")]
    public static partial void LastSeenNotStored(this ILogger log, int keys, long count, Exception exception);

    [LoggerMessage(LogLevel.Warning,
        "Summary of a counts-only topic from node {Node} ignored: {Size} bytes of another form "
        + "({Count} occurrences since last log)")]
    public static partial void SummaryInvalid(this ILogger log, string node, int size, long count);

    [LoggerMessage(LogLevel.Warning, "A step of a resumable session failed")]
    public static partial void SessionFailed(this ILogger log, Exception exception);
}
