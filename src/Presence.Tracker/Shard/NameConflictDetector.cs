using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>How to handle a frame that carries this node's own name.</summary>
internal enum NameConflictDecision
{
    /// <summary>An echo, or a late frame of an earlier process: ignore it.</summary>
    Ignore,

    /// <summary>An incarnation at or above the local one was used: continue above it.</summary>
    Restart,

    /// <summary>A later process used a higher incarnation: probe it; continue above it if silent.</summary>
    Probe,

    /// <summary>An earlier process that may not know this one: answer with a heartbeat.</summary>
    Answer,

    /// <summary>A later process with this name is alive: stop with an error.</summary>
    Stop,
}

/// <summary>Distinguishes late frames of an earlier process of this name from another living process.</summary>
/// <remarks>
/// Only a living process can name an incarnation that was chosen here, or use a higher one after that. The older of
/// two processes probes the other before it continues above it, so that the one that stays need not change.
/// </remarks>
internal sealed class NameConflictDetector(ulong started, ulong instance)
{
    /// <summary>
    /// Incarnations above are ignored: no clock gives them, and steps from below never reach the largest number.
    /// </summary>
    public const ulong MaxIncarnation = 1UL << 62;

    private const ulong MaxStep = 1 << 20;

    private ulong _lastInstance;
    private ulong _chosen;
    private ulong _suspected;
    private TimeSpan _probedAt;

    public NameConflictDecision Decide(ShardFrame frame, ReplicaId own)
    {
        var from = frame.From;
        if (from.Instance == instance && from.Started == started)
        {
            return NameConflictDecision.Ignore;
        }

        var isLater = (from.Started, from.Instance).CompareTo((started, instance)) > 0;
        if (from.Replica.Incarnation < own.Incarnation)
        {
            var isAnswered = !isLater && frame is HeartbeatFrame or DeltaFrame;
            return isAnswered ? NameConflictDecision.Answer : NameConflictDecision.Ignore;
        }

        var isAlive = (from.Instance == _lastInstance && _chosen != 0 && from.Replica.Incarnation > _chosen)
            || (frame is HeartbeatFrame heartbeat && heartbeat.Clocks.Any(clock => clock.Replica == own));
        if (isAlive && isLater)
        {
            return NameConflictDecision.Stop;
        }

        _lastInstance = from.Instance;
        return isLater && from.Replica.Incarnation > own.Incarnation
            ? NameConflictDecision.Probe
            : NameConflictDecision.Restart;
    }

    /// <summary>Records a higher incarnation whose process is not known yet.</summary>
    /// <returns>Whether this is new, so that a probe must be sent.</returns>
    public bool Suspect(ulong incarnation, TimeSpan now)
    {
        var isNew = _suspected == 0;
        _probedAt = isNew ? now : _probedAt;
        _suspected = Math.Max(_suspected, incarnation);
        return isNew;
    }

    /// <summary>Returns the suspected incarnation that did not answer within the timeout; else zero.</summary>
    public ulong Unanswered(TimeSpan timeout, TimeSpan now) => now - _probedAt >= timeout ? _suspected : 0;

    /// <summary>
    /// Returns an incarnation above a used one. The step depends on this process, because another process of this name
    /// may choose at the same time.
    /// </summary>
    public ulong Choose(ulong above)
    {
        _suspected = 0;
        return _chosen = above + 1 + (instance % MaxStep);
    }
}
