using Presence.Tracker.Sessions;

namespace Presence.Tracker.Shard;

/// <content>The presences of sessions that were resumed here.</content>
internal sealed partial class LocalReplica
{
    /// <summary>The presences that a session owns after a resume, and that its code has not tracked again.</summary>
    private readonly Dictionary<ulong, HashSet<(string Topic, string Key)>> _inherited = [];

    /// <summary>Lets the code of a resumed session track again what the session has.</summary>
    public void BeginRetrack(ulong process)
    {
        var entries = _entries.All(process);
        if (entries.Count > 0)
        {
            _inherited[process] = [.. entries.Select(e => (e.Topic, e.Key))];
        }
    }

    /// <summary>Ends what the code of a resumed session has not tracked again.</summary>
    public int EndRetrack(ulong process, List<PresenceChange> changes)
    {
        if (!_inherited.Remove(process, out var rest))
        {
            return 0;
        }

        var ended = rest.Select(r => TryFind(process, r.Topic, r.Key)).OfType<PresenceEntry>().ToArray();
        Array.ForEach(ended, _entries.Remove);
        End(ended, LeaveReason.Untracked, changes);
        return ended.Length;
    }

    /// <summary>Writes the entries of a session again, under a later generation and with unchanged refs.</summary>
    public int Restamp(ulong process, SessionStamp stamp, List<PresenceChange> changes)
    {
        var count = 0;
        foreach (var entry in _entries.All(process).ToArray())
        {
            if (entry.Stamp is { } before && before.Generation < stamp.Generation)
            {
                Replace(entry, entry.Meta, changes, stamp, entry.RefDot);
                count++;
            }
        }

        return count;
    }

    private bool IsInherited(ulong process, string topic, string key) =>
        _inherited.TryGetValue(process, out var rest) && rest.Contains((topic, key));

    /// <summary>Takes over what a resumed session has: as it is if the metadata are equal, else as an update.</summary>
    private PresenceEntry? Inherit(ulong process, TrackRequest request, List<PresenceChange> changes)
    {
        if (!_inherited.TryGetValue(process, out var rest) || !rest.Remove((request.Topic, request.Key)))
        {
            return null;
        }

        var entry = Find(process, request.Topic, request.Key);
        return entry.Meta == request.Meta ? entry : Replace(entry, request.Meta, changes);
    }
}
