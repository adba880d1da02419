using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>The net effect on one presence since clients were last told.</summary>
/// <param name="Shown">What clients saw last, or null.</param>
/// <param name="Now">What is, or null.</param>
/// <param name="Reborn">Whether it left and joined again meanwhile, so that the two are not versions of each other.</param>
internal readonly record struct NetChange(PresenceEntry? Shown, PresenceEntry? Now, bool Reborn);

/// <summary>Gathers the changes of one topic: memory by the presences concerned, not by the changes.</summary>
internal sealed class PendingChanges
{
    private readonly Dictionary<(ReplicaId Owner, ulong Process, string Key), NetChange> _changes = [];

    public int Count => _changes.Count;

    public void Add(in PresenceChange change)
    {
        var entry = change.Entry;
        var identity = (entry.Owner, entry.Process, entry.Key);
        var known = _changes.TryGetValue(identity, out var net);
        if (!known)
        {
            net = new NetChange(change.LastShown, null, false);
        }

        if (change.Kind != PresenceChangeKind.Left)
        {
            var reborn = net.Reborn || (change.Kind == PresenceChangeKind.Joined && net.Shown is not null);
            _changes[identity] = new NetChange(net.Shown, entry, reborn);
        }
        else if (net.Shown is null)
        {
            // It came and went between two messages: clients never hear of it.
            _changes.Remove(identity);
        }
        else
        {
            _changes[identity] = net with { Now = null };
        }
    }

    public NetChange[] Drain()
    {
        if (_changes.Count == 0)
        {
            return [];
        }

        NetChange[] changes = [.. _changes.Values];
        _changes.Clear();
        return changes;
    }
}
