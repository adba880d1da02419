namespace Presence.Crdt.Tests.Dots;

public sealed class CrdtLawTests
{
    [Fact]
    public void Merge_is_commutative() => Histories.Hold(500, 60, story =>
    {
        var (a, b, _) = ThreeThatKnowSome(story);
        Assert.Equal(Truth.Merged(a, b).DescribeWithLog(), Truth.Merged(b, a).DescribeWithLog());
    });

    [Fact]
    public void Merge_is_associative() => Histories.Hold(500, 60, story =>
    {
        var (a, b, c) = ThreeThatKnowSome(story);
        Assert.Equal(
            Truth.Merged(Truth.Merged(a, b), c).DescribeWithLog(),
                Truth.Merged(a, Truth.Merged(b, c)).DescribeWithLog());
    });

    [Fact]
    public void Merge_is_idempotent_and_reports_nothing_the_second_time() => Histories.Hold(500, 60, story =>
    {
        var (a, b, _) = ThreeThatKnowSome(story);
        var sum = Truth.Merged(a, b);
        var before = sum.DescribeWithLog();
        var merged = new MergeResult<Value>();
        sum.Merge(b, merged);
        sum.Merge(a, merged);
        sum.Merge(Truth.Merged(a, b), merged);
        Assert.Equal((before, 0, 0), (sum.DescribeWithLog(), merged.Joined.Count, merged.Left.Count));
    });

    [Fact]
    public void Merge_takes_the_larger_state_of_each_dot_and_does_not_change_the_other() =>
        Histories.Hold(500, 60, story =>
    {
        var (a, b, _) = ThreeThatKnowSome(story);
        var (sum, other) = (Truth.Merged(a, b), b.DescribeWithLog());
        for (var dot = 1UL; dot <= Math.Max(a.Context.Max, b.Context.Max) + 1; dot++)
        {
            var larger = (DotState)Math.Max((int)a.StateOf(dot), (int)b.StateOf(dot));
            Assert.True(
                larger == sum.StateOf(dot), $"{dot}: {a.StateOf(dot)} and {b.StateOf(dot)} gave {sum.StateOf(dot)}");
        }

        a.Merge(b);
        Assert.Equal(other, b.DescribeWithLog());
    });

    [Fact]
    public void Owner_equals_its_model() => Histories.Hold(500, 80, story =>
    {
        var owner = new Owner();
        foreach (var step in story.Steps)
        {
            owner.Apply(step);
            Truth.AssertComplete(owner, owner.State);
        }
    });

    [Fact]
    public void All_windows_in_any_order_and_any_number_give_the_model() => Histories.Hold(500, 80, story =>
    {
        var owner = Owner.From(story.Steps);
        var random = new Random(story.Seed);
        ReplicaState<Value>[] windows = [.. owner.Windows, .. owner.Windows.Where(_ => random.Next(2) == 0)];
        random.Shuffle(windows);
        var peer = new Peer();
        foreach (var window in windows)
        {
            peer.Receive(new Frame(window));
            Truth.AssertConsistent(owner, peer.Dots);
        }

        Truth.AssertComplete(owner, peer.Dots);
    });

    [Fact]
    public void Map_merges_each_replica_that_is_held_by_the_same_law() => Histories.Hold(200, 40, story =>
    {
        var (a, b, c) = ThreeThatKnowSome(story);
        var (left, right) = (new AddWinsMap<Value>(), new AddWinsMap<Value>());
        left.Hold(new ReplicaId("x", 1)).Merge(a);
        right.Hold(new ReplicaId("x", 1)).Merge(b);
        right.Hold(new ReplicaId("y", 1)).Merge(c);
        left.Merge(right);
        Assert.Equal(Truth.Merged(a, b).DescribeWithLog(), Assert.Single(left.Replicas).Value.DescribeWithLog());
    });

    /// <summary>
    /// Returns three states that each got some of the windows. One may also have all removed dots of another, so that
    /// its log does not contain all removals.
    /// </summary>
    private static (ReplicaState<Value> A, ReplicaState<Value> B, ReplicaState<Value> C) ThreeThatKnowSome(Story story)
    {
        var random = new Random(story.Seed);
        var windows = Owner.From(story.Steps).Windows;
        ReplicaState<Value> Some() => Truth.Merged([.. windows.Where(_ => random.Next(2) == 0)]);
        var (a, b, c) = (Some(), Some(), Some());
        if (random.Next(2) == 0)
        {
            b.MarkRemoved(Some().Removed());
        }

        return (a, b, c);
    }
}
