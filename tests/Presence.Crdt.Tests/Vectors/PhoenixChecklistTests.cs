namespace Presence.Crdt.Tests.Vectors;

/// <summary>
/// Sections E.1 and E.3 of the semantics, as far as they are about the set. E.2 tests vector clocks over many replicas;
/// here each replica has its own context, which <c>IntervalSetTests</c> tests.
/// </summary>
public sealed class PhoenixChecklistTests
{
    [Fact]
    public void Joins_and_removes_are_observed_through_another()
    {
        var owner = new Owner();
        owner.Join("k");
        var between = new Peer();
        var far = new Peer();
        between.Receive(new Frame(owner.Cut()));
        Repair(between, far);
        Assert.Equal("seen 1 live 1", far.Dots.Describe());
        owner.Leave("k");
        between.Receive(new Frame(owner.Cut()));
        Repair(between, far);
        Truth.AssertComplete(owner, far.Dots);
    }

    [Fact]
    public void Window_that_was_not_cut_can_be_merged_as_it_grows()
    {
        var owner = new Owner();
        var peer = new Peer();
        foreach (var change in new Action[] { () => owner.Join("k"), () => owner.Leave("k"), () => owner.Join("k") })
        {
            change();
            peer.Receive(new Frame(owner.Window));
            Truth.AssertComplete(owner, peer.Dots);
        }
    }

    [Fact]
    public void Add_that_a_removal_has_not_seen_survives_it()
    {
        var owner = new Owner();
        owner.Join("k");
        owner.Leave("k");
        var removed = owner.Cut();
        owner.Join("k");
        var added = owner.Cut();
        Assert.Equal("seen 1-3 live 3", Truth.Merged(added, removed).Describe());
        Assert.Equal("seen 1-3 live 3", Truth.Merged(removed, added).Describe());
    }

    [Fact]
    public void Windows_merge_into_one_whether_they_are_contiguous_or_not()
    {
        var owner = new Owner();
        for (var i = 0; i < 3; i++)
        {
            owner.Join($"k{i}");
            owner.Cut();
        }

        var gap = Truth.Merged(owner.Windows[0], owner.Windows[2]);
        Assert.Equal("seen 1,3 live 1,3", gap.Describe());
        Assert.Equal("seen 1-3 live 1,2,3", Truth.Merged(gap, owner.Windows[1]).Describe());
    }

    [Fact]
    public void Log_slides_with_the_newest_and_a_repeated_window_moves_nothing()
    {
        var peer = new ReplicaState<Value>(logCapacity: 2);
        var owner = new Owner();
        for (var i = 0; i < 5; i++)
        {
            owner.Join($"k{i}");
            owner.Leave($"k{i}");
            peer.Merge(owner.Cut());
            peer.Merge(owner.Windows[^1]);
            peer.Merge(owner.Windows[0]);
        }

        Assert.Equal([8UL, 10], peer.Log.Removals.ToArray().Select(r => r.Tick));
    }

    [Fact]
    public void Forgotten_replica_starts_empty_and_gets_all_by_repair()
    {
        var id = new ReplicaId("a", 1);
        var map = new AddWinsMap<Value>();
        var owner = Owner.From([new('j', 1, 1), new('j', 2, 1), new('l', 1, 1)]);
        map.Hold(id).Merge(owner.State);
        map.Forget(id);
        var again = map.Hold(id);
        Assert.True(again.IsEmpty);
        Peer.Respond(owner.State, again.Context, 10).ForEach(f => again.Merge(f.What));
        Truth.AssertComplete(owner, again);
    }

    private static void Repair(Peer from, Peer to) =>
        Peer.Respond(from.Dots, to.Dots.Context.Bounded(64), 8).ForEach(to.Receive);
}
