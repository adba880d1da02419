using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.TestKit.Invariants;

/// <summary>
/// Once a node knows that a replica has ended (acknowledged leave frame, membership, newer incarnation), it shows
/// neither that replica nor an earlier one of its name, for as long as any node may still hold it. Each lane learns it
/// on its own.
/// </summary>
internal sealed class EndedPresencesStayEnded(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Node, Lane Lane, string Name), (ulong Incarnation, TimeSpan Until)> _ended = [];

    public override void Ended(SimulatedNode node, Lane lane, ReplicaId replica) =>
        Ended(node, lane, replica, Cluster.Options.Tracker.PermDownPeriod);

    private void Ended(SimulatedNode node, Lane lane, ReplicaId replica, TimeSpan period)
    {
        var at = (node.Id, lane, replica.Node);
        var last = _ended.GetValueOrDefault(at);
        if (replica.Incarnation >= last.Incarnation || last.Until < Cluster.Now)
        {
            _ended[at] = (replica.Incarnation, Cluster.Now + period);
        }

        foreach (var owner in node.Shown.Owners.Where(owner => owner.Node == replica.Node).ToList())
        {
            var shown = !IsOver(node, lane, owner) ? 0
                : node.Shown.Entries.Count(e => e.Owner == owner && LaneOf(e) == lane);
            if (shown > 0)
            {
                Violated(node, $"{replica} ended, and {shown} of {owner} are still shown");
            }
        }
    }

    public override void Stepped(SimulatedNode node, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            if (e.Kind is ReplicaEventKind.Replaced or ReplicaEventKind.Stopped or ReplicaEventKind.Dead)
            {
                // The node itself has a tombstone for twice the period; clocks differ a little.
                Ended(node, Lane.Of(node.Stepping), e.Replica, Cluster.Options.Tracker.PermDownPeriod * 1.9);
            }
            else if (e.Kind is ReplicaEventKind.Up or ReplicaEventKind.Recovering or ReplicaEventKind.Recovered
                && IsOver(node, Lane.Of(node.Stepping), e.Replica))
            {
                Violated(node, $"{e.Kind} {e.Replica}, which had ended");
            }
        }

        foreach (var change in effects.Changes)
        {
            if (change.Kind != PresenceChangeKind.Left && IsOver(node, LaneOf(change.Entry), change.Entry.Owner))
            {
                Violated(node, $"{change.Kind} {change.Entry}, whose owner had ended");
            }
        }
    }

    private bool IsOver(SimulatedNode node, Lane lane, ReplicaId replica) =>
        _ended.TryGetValue((node.Id, lane, replica.Node), out var last)
        && replica.Incarnation <= last.Incarnation
        && Cluster.Now < last.Until;

    private Lane LaneOf(PresenceEntry entry)
    {
        var poolSize = Cluster.PoolOf(entry.Owner);
        return new(poolSize, PresencesByTopic.ShardOf(entry.Topic, poolSize));
    }
}
