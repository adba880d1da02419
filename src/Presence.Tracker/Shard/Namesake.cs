using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>What to do about a frame that came under this member's own name.</summary>
internal enum NamesakeVerdict
{
    /// <summary>An echo, or a leftover of an earlier start: nothing.</summary>
    Ignore,

    /// <summary>An incarnation at or above ours was used: go on above it.</summary>
    Restart,

    /// <summary>A later start uses an incarnation above ours, and may live or be a leftover: ask it, and go on above it if it is silent.</summary>
    Ask,

    /// <summary>An earlier start that may not know of us: show ourselves to it.</summary>
    Answer,

    /// <summary>A living namesake that started after us: stop with an error.</summary>
    Stop,
}

/// <summary>Tells the leftovers of an earlier start under this name from another living process with it.</summary>
/// <remarks>
/// A leftover, however late, cannot answer: only a living namesake can name an incarnation that was chosen here, or use one above that
/// after it was first seen. The older of two asks before it goes on above the other, so that the one that stays need not change.
/// </remarks>
internal sealed class Namesake(ulong started, ulong instance)
{
    private const ulong MostStep = 1 << 20;

    private ulong _seen;
    private ulong _chosen;
    private ulong _suspected;
    private TimeSpan _askedAt;

    public NamesakeVerdict Judge(ShardFrame frame, ReplicaId own)
    {
        var from = frame.From;
        if (from.Instance == instance && from.Started == started)
        {
            return NamesakeVerdict.Ignore;
        }

        var isLater = (from.Started, from.Instance).CompareTo((started, instance)) > 0;
        if (from.Replica.Incarnation < own.Incarnation)
        {
            return isLater || frame is not (HeartbeatFrame or DeltaFrame) ? NamesakeVerdict.Ignore : NamesakeVerdict.Answer;
        }

        var lives = (from.Instance == _seen && _chosen != 0 && from.Replica.Incarnation > _chosen)
            || (frame is HeartbeatFrame heartbeat && heartbeat.Clocks.Any(clock => clock.Replica == own));
        if (lives && isLater)
        {
            return NamesakeVerdict.Stop;
        }

        _seen = from.Instance;
        return isLater && from.Replica.Incarnation > own.Incarnation ? NamesakeVerdict.Ask : NamesakeVerdict.Restart;
    }

    /// <summary>An incarnation above ours is in use, by whom is not known yet.</summary>
    /// <returns>Whether that is new: it is to be asked now.</returns>
    public bool Suspect(ulong incarnation, TimeSpan now)
    {
        var isNew = _suspected == 0;
        _askedAt = isNew ? now : _askedAt;
        _suspected = Math.Max(_suspected, incarnation);
        return isNew;
    }

    /// <summary>The incarnation of which nobody said within this time that it lives; zero if there is none, or it may still come.</summary>
    public ulong Unanswered(TimeSpan patience, TimeSpan now) => _suspected != 0 && now - _askedAt >= patience ? _suspected : 0;

    /// <summary>
    /// An incarnation above one that was used. By a step of this process alone, because a living namesake may be choosing
    /// from the same one at the same moment.
    /// </summary>
    public ulong Choose(ulong above)
    {
        _suspected = 0;
        return _chosen = above + 1 + (instance % MostStep);
    }
}
