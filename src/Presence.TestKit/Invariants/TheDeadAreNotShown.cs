namespace Presence.TestKit;

/// <summary>While faults last: nobody is shown whose member has been gone for longer than the down period and a little.</summary>
internal sealed class TheDeadAreNotShown(SimulatedCluster cluster) : Invariant(cluster)
{
    /// <summary>A frame may have been on its way for this long when its sender died.</summary>
    private static readonly TimeSpan LongestWay = TimeSpan.FromMilliseconds(2500);

    public override void Sampled()
    {
        foreach (var member in Cluster.Members)
        {
            if (member.State != MemberState.Running)
            {
                continue;
            }

            foreach (var owner in member.Shown.Owners)
            {
                if (Cluster.GoneSince(owner) is { } gone
                    && Cluster.Now - Later(gone, member.AwakeSince) > Cluster.Bounds.Forgetting + LongestWay)
                {
                    Violated(member, $"still shows {member.Shown.CountOf(owner)} of {owner}, gone since {gone}");
                }
            }
        }
    }

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
