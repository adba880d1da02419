using System.Threading.Channels;
using Presence.Node.Tests.Support;
using Presence.Tracker;

namespace Presence.Node.Tests.Trackers;

/// <summary>A subscription is a snapshot and exactly the diffs after it, each with the position at which it was published.</summary>
public sealed class SubscriptionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_diff_carries_the_topic_as_it_is_after_it()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var tracker = cluster.Tracker(0);
        var process = cluster[0].StartProcess();
        await tracker.TrackAsync(process, "t", "first");
        var diffs = Channel.CreateUnbounded<TopicDiff>();
        using var subscription = tracker.Subscribe("t", diff => diffs.Writer.TryWrite(diff));
        await tracker.TrackAsync(process, "t", "second");
        await tracker.TrackAsync(process, "other", "k");
        await tracker.UntrackAsync(process, "t", "first");
        var joined = await diffs.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        var left = await diffs.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        Assert.Equal(["first"], subscription.Snapshot.Select(e => e.Key));
        Assert.Equal(["first", "second"], joined.View!.Snapshot.Select(e => e.Key));
        Assert.Equal(["second"], left.View!.Snapshot.Select(e => e.Key));
        Assert.True(subscription.Version < joined.Version && joined.Version < left.Version);
        Assert.Equal(["second"], tracker.ViewOf("t").Snapshot.Select(e => e.Key));
    }

    [Fact]
    public async Task A_diff_carries_the_clocks_by_which_its_changes_are_known()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilMembersAsync(cluster, 2);
        var (here, there) = (cluster.Tracker(1), cluster.Tracker(0));
        var diffs = Channel.CreateUnbounded<TopicDiff>();
        using var subscription = here.Subscribe("t", diff => diffs.Writer.TryWrite(diff));
        var entry = await there.TrackAsync(cluster[0].StartProcess(), "t", "k");
        var diff = await diffs.Reader.ReadAsync().AsTask().WaitAsync(Patience);
        var clock = Assert.Single(diff.View!.Known.Others);
        Assert.Equal((entry.Owner, entry.Sequence, true), (clock.Replica, clock.Clock, clock.IsUp));
        Assert.InRange(Assert.Single(subscription.View.Known.Others).Clock, 1UL, entry.Sequence - 1);
        Assert.Equal("n1", diff.View.Known.Local.Node);
        Assert.Equal(clock, Assert.Single(here.ViewOf("t").Known.Others));
        await cluster.StopAsync(0);
        await TestCluster.UntilAsync(here, () => here.Count("t") == 0, "the node that stopped is forgotten");
        Assert.Empty(here.ViewOf("t").Known.Others);
    }
}
