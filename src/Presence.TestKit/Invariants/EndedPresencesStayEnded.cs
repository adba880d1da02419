using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// Once a node knows that a replica has ended (acknowledged leave frame, membership, newer incarnation), it shows
/// neither that replica nor an earlier one of its name, for as long as any node may still hold it.
/// </summary>
internal sealed class EndedPresencesStayEnded(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Node, string Name), (ulong Incarnation, TimeSpan Until)> _ended = [];

    public override void Ended(SimulatedNode node, ReplicaId replica) =>
        Ended(node, replica, Cluster.Options.Tracker.PermDownPeriod);

    private void Ended(SimulatedNode node, ReplicaId replica, TimeSpan period)
    {
        var at = (node.Id, replica.Node);
        var last = _ended.GetValueOrDefault(at);
        if (replica.Incarnation >= last.Incarnation || last.Until < Cluster.Now)
        {
            _ended[at] = (replica.Incarnation, Cluster.Now + period);
        }

        foreach (var shown in node.Shown.Owners)
        {
            if (IsOver(node, shown))
            {
                Violated(node, $"{replica} ended, and {node.Shown.CountOf(shown)} of {shown} are still shown");
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
                Ended(node, e.Replica, Cluster.Options.Tracker.PermDownPeriod * 1.9);
            }
            else if (e.Kind is ReplicaEventKind.Up or ReplicaEventKind.Recovering or ReplicaEventKind.Recovered
                && IsOver(node, e.Replica))
            {
                Violated(node, $"{e.Kind} {e.Replica}, which had ended");
            }
        }

        foreach (var change in effects.Changes)
        {
            if (change.Kind != PresenceChangeKind.Left && IsOver(node, change.Entry.Owner))
            {
                Violated(node, $"{change.Kind} {change.Entry}, whose owner had ended");
            }
        }
    }

    private bool IsOver(SimulatedNode node, ReplicaId replica) =>
        _ended.TryGetValue((node.Id, replica.Node), out var last)
        && replica.Incarnation <= last.Incarnation
        && Cluster.Now < last.Until;
}
