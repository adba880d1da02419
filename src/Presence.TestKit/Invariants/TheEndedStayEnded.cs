using Presence.Crdt;
using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// Once a member was told that a replica ended for ever (a farewell it acknowledged, a word of membership, a newer
/// incarnation), it shows neither that one nor an earlier one of its name, at once and for as long as anybody may still hold it.
/// </summary>
internal sealed class TheEndedStayEnded(SimulatedCluster cluster) : Invariant(cluster)
{
    private readonly Dictionary<(int Member, string Name), (ulong Incarnation, TimeSpan Until)> _ended = [];

    public override void Ended(SimulatedMember member, ReplicaId replica)
    {
        var at = (member.Id, replica.Node);
        var last = _ended.GetValueOrDefault(at);
        if (replica.Incarnation >= last.Incarnation || last.Until < Cluster.Now)
        {
            _ended[at] = (replica.Incarnation, Cluster.Now + Cluster.Options.Tracker.PermDownPeriod);
        }

        foreach (var shown in member.Shown.Owners)
        {
            if (IsOver(member, shown))
            {
                Violated(member, $"{replica} ended, and {member.Shown.CountOf(shown)} of {shown} are still shown");
            }
        }
    }

    public override void Stepped(SimulatedMember member, StepCause cause, ShardEffects effects)
    {
        foreach (var e in effects.Events)
        {
            if (e.Kind is ReplicaEventKind.Replaced or ReplicaEventKind.Stopped or ReplicaEventKind.Dead)
            {
                Ended(member, e.Replica);
            }
            else if (e.Kind is ReplicaEventKind.Up or ReplicaEventKind.Healing or ReplicaEventKind.Healed
                && IsOver(member, e.Replica))
            {
                Violated(member, $"{e.Kind} {e.Replica}, which had ended for ever");
            }
        }

        foreach (var change in effects.Changes)
        {
            if (change.Kind != PresenceChangeKind.Left && IsOver(member, change.Entry.Owner))
            {
                Violated(member, $"{change.Kind} {change.Entry}, whose owner had ended for ever");
            }
        }
    }

    private bool IsOver(SimulatedMember member, ReplicaId replica) =>
        _ended.TryGetValue((member.Id, replica.Node), out var last)
        && replica.Incarnation <= last.Incarnation
        && Cluster.Now < last.Until;
}
