using Presence.Tracker.Sessions;

namespace Presence.Tracker.Shard;

/// <content>Presences of resumable sessions.</content>
internal sealed partial class TrackerShard
{
    /// <summary>Returns what this node knows of a resumable session of any node.</summary>
    public SessionKnowledge KnowledgeOf(SessionId session) => _sessions.KnowledgeOf(session);

    /// <summary>
    /// Writes the presences of a session that another node had, and ends those that it had here before. Its code may
    /// track them again until <see cref="EndRetrack"/>.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="process">The session's number on this node.</param>
    /// <param name="stamp">Its session and new generation.</param>
    /// <param name="presences">Its presences in this shard.</param>
    /// <param name="former">The number under which this node owned it before; null if it did not.</param>
    /// <param name="effects">Receives the effects.</param>
    public void Adopt(
        TimeSpan now, ulong process, SessionStamp stamp, IReadOnlyList<AdoptedPresence> presences, ulong? former,
        ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(presences);
        ArgumentNullException.ThrowIfNull(effects);
        _sessions.Now = now;
        foreach (var (request, refDot) in presences)
        {
            if (_local.TryFind(process, request.Topic, request.Key) is null)
            {
                _local.CheckLimits(request);
                _local.Join(process, request, effects.Changes, Kept(stamp), refDot);
            }
        }

        var ended = former is { } before ? _local.EndAll(before, LeaveReason.Superseded, effects.Changes) : 0;
        _local.BeginRetrack(process);
        if (presences.Count + ended > 0)
        {
            OnLocalChange(now, effects);
        }
    }

    /// <summary>Lets the code of a session track again what the session has.</summary>
    public void BeginRetrack(ulong process) => _local.BeginRetrack(process);

    /// <summary>Untracks what the code of a session has not tracked again.</summary>
    public int EndRetrack(TimeSpan now, ulong process, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        _sessions.Now = now;
        var ended = _local.EndRetrack(process, effects.Changes);
        if (ended > 0)
        {
            OnLocalChange(now, effects);
        }

        return ended;
    }

    /// <summary>Writes the presences of a session again under a later generation; observers see no change.</summary>
    public int Restamp(TimeSpan now, ulong process, SessionStamp stamp, ShardEffects effects)
    {
        ArgumentNullException.ThrowIfNull(effects);
        _sessions.Now = now;
        var count = _local.Restamp(process, stamp, effects.Changes);
        if (count > 0)
        {
            OnLocalChange(now, effects);
        }

        return count;
    }

    /// <summary>Gets the number of leaves that wait for a successor.</summary>
    internal int HeldLeaves => _sessions.HeldCount;
}
