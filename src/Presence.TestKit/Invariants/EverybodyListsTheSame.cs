using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>
/// At rest: every living member lists the same, and it is what all their living processes hold. Nobody is a ghost, nobody is
/// lost, and of each name one member lives.
/// </summary>
internal sealed class EverybodyListsTheSame(SimulatedCluster cluster) : Invariant(cluster)
{
    public override void Settled()
    {
        foreach (var pool in Cluster.Members.GroupBy(member => member.PoolSize))
        {
            var expected = new Dictionary<PresenceId, OwnedVersion>();
            foreach (var owner in pool)
            {
                if (owner.HasTwin)
                {
                    Violated(owner, "two members of this name live");
                    return;
                }

                foreach (var (slot, version) in owner.Owned.Held)
                {
                    expected.Add(new PresenceId(owner.Self, slot), version);
                }
            }

            foreach (var member in pool)
            {
                Check(member, expected);
            }
        }
    }

    private void Check(SimulatedMember member, Dictionary<PresenceId, OwnedVersion> expected)
    {
        var found = 0;
        foreach (var topic in member.Index.Topics(null, 10_000))
        {
            foreach (var entry in member.List(topic.Topic))
            {
                if (!expected.TryGetValue(PresenceId.Of(entry), out var version))
                {
                    Violated(member, $"ghost: {entry}");
                }
                else if (version.Sequence != entry.Sequence || version.Meta != entry.Meta)
                {
                    Violated(member, $"stale: {entry}, its owner has {version.Sequence} {version.Meta}");
                }
                else
                {
                    found++;
                }
            }
        }

        if (found != expected.Count)
        {
            var lost = expected.Keys.FirstOrDefault(id => member.Shown.Find(id) is null);
            Violated(member, $"lost: {expected.Count - found} of {expected.Count}, {lost} among them");
        }
    }
}
