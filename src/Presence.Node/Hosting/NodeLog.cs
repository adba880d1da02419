using Microsoft.Extensions.Logging;

namespace Presence.Node;

internal static partial class NodeLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Node}#{Incarnation} is up, engine {Engine}")]
    public static partial void Started(this ILogger log, string node, ulong incarnation, string engine);

    [LoggerMessage(Level = LogLevel.Information, Message = "Member {Node} leaves; {Acknowledged} of {Asked} farewells were acknowledged")]
    public static partial void Left(this ILogger log, string node, int acknowledged, int asked);

    [LoggerMessage(Level = LogLevel.Critical, Message = "Member {Node} must stop: a newer living member has its name. Give each member its own Presence:NodeName")]
    public static partial void NameConflict(this ILogger log, string node);

    [LoggerMessage(Level = LogLevel.Error, Message = "A handler of the failure of node {Node} threw; the host may not stop")]
    public static partial void StopRequestFailed(this ILogger log, string node, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Drain step {Step} failed")]
    public static partial void DrainStepFailed(this ILogger log, string step, Exception exception);

    [LoggerMessage(Message = "Tracker {Tracker} shard {Shard}: {Event} {Replica} {Detail}")]
    public static partial void ReplicaEvent(
        this ILogger log, LogLevel level, string tracker, int shard, string @event, string replica, string? detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Tracker {Tracker} shard {Shard}: member {Replica} is refused: {Detail}")]
    public static partial void Refused(this ILogger log, string tracker, int shard, string replica, string? detail);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A frame from {Member} for {Channel}/{Shard} was dropped: {Reason} {Detail} ({Times} times since last said)")]
    public static partial void FrameDropped(
        this ILogger log, string member, string channel, int shard, string reason, string? detail, long times);

    [LoggerMessage(Level = LogLevel.Error, Message = "A handler of tracker {Tracker} failed; it keeps receiving")]
    public static partial void HandlerFailed(this ILogger log, string tracker, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A subscriber failed; it keeps receiving")]
    public static partial void SubscriberFailed(this ILogger log, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Shard {Shard} of tracker {Tracker} failed at an input or a frame; it goes on ({Times} times since last said)")]
    public static partial void InputFailed(this ILogger log, string tracker, int shard, long times, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A message to the other members was lost: the link failed ({Times} times since last said)")]
    public static partial void BroadcastFailed(this ILogger log, long times, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Farewell to {Member} failed; it will notice by silence")]
    public static partial void FarewellFailed(this ILogger log, string member, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "Member {Node} could not leave in order; its clients are let go all the same")]
    public static partial void LeaveFailed(this ILogger log, string node, Exception exception);
}
