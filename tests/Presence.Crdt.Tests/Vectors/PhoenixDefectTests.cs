namespace Presence.Crdt.Tests.Vectors;

/// <summary>Section A.8 of the semantics: defects of the original that do not occur here.</summary>
public sealed class PhoenixDefectTests
{
    private static ReplicaId A { get; } = new("a", 1);

    private static ReplicaId B { get; } = new("b", 1);

    [Fact]
    public void Defect_1_a_stale_third_party_does_not_overwrite_a_newer_row_and_nothing_is_lost()
    {
        var a = new Owner();
        a.Join("k");
        var stale = Truth.Merged(a.Cut());
        a.Leave("k");
        a.Cut();
        a.Join("k");
        var newest = a.Cut();
        ReplicaState<Value>[][] orders = [[newest, stale, a.State], [stale, newest, a.State], [a.State, stale, newest]];
        foreach (var order in orders)
        {
            var c = Truth.Merged(order);
            Assert.Equal("seen 1-3 live 3", c.Describe());
            Truth.AssertComplete(a, c);
        }
    }

    [Fact]
    public void Defect_2_two_owners_of_one_triple_keep_a_value_each_and_do_not_diverge()
    {
        var (a, b) = (new Owner(), new Owner());
        a.Join("k", "of a");
        b.Join("k", "of b");
        var (left, right) = (Holding(), Holding());
        left.Hold(A).Merge(a.State);
        left.Hold(B).Merge(b.State);
        right.Hold(B).Merge(b.State);
        right.Hold(A).Merge(a.State);
        Assert.Equal(Shown(left), Shown(right));
        Assert.Equal(["of a", "of b"], Shown(left));
        b.Leave("k");
        left.Hold(B).Merge(b.State);
        right.Hold(B).Merge(b.State);
        Assert.Equal(["of a"], Shown(left));
        Assert.Equal(["of a"], Shown(right));
    }

    [Fact]
    public void Defect_3_a_row_that_another_owns_is_neither_changed_nor_ended()
    {
        var a = new Owner();
        a.Join("k", "of a");
        var map = Holding();
        map.Hold(A).Merge(a.State);
        // Another node writes under its own name only, so its numbers cannot be the owner's.
        var other = new AddWinsMap<Value>();
        other.Hold(B).Remove(new Removal(2, 0, new[] { 1UL }));
        other.Hold(B).MarkRemoved(new Interval(1, 100));
        map.Merge(other);
        Assert.Equal(["of a"], Shown(map));
        Assert.Equal("seen 1 live 1", map.Replicas[A].Describe());
    }

    [Fact]
    public void Defect_4_a_removed_dot_behind_a_gap_is_not_forgotten_and_no_stale_peer_resurrects_it()
    {
        var a = new Owner();
        foreach (var key in new[] { "w", "x", "y" })
        {
            a.Join(key);
            a.Cut();
        }

        a.Leave("y");
        a.Cut();
        var stale = Truth.Merged(a.Windows[1], a.Windows[2]);
        // The window of w is lost: everything else is behind the gap.
        var c = Truth.Merged(a.Windows[1], a.Windows[2], a.Windows[3]);
        Assert.Equal(("seen 2-4 live 2", DotState.Removed), (c.Describe(), c.StateOf(3)));
        c.Merge(stale);
        Assert.Equal("seen 2-4 live 2", c.Describe());
        c.Merge(a.Windows[0]);
        Assert.Equal(4UL, c.Context.Prefix);
        Truth.AssertComplete(a, c);
    }

    [Fact]
    public void Defect_5_and_vector_13_forgotten_replicas_leave_no_trace()
    {
        var map = new AddWinsMap<Value>();
        map.Hold(B);
        for (var incarnation = 1UL; incarnation <= 5000; incarnation++)
        {
            map.Hold(new ReplicaId("a", incarnation)).Add(1, new Value(1, "k"));
            Assert.True(map.Forget(new ReplicaId("a", incarnation)));
        }

        Assert.Equal(B, Assert.Single(map.Replicas).Key);
        Assert.True(map.Hold(A).IsEmpty);
    }

    private static AddWinsMap<Value> Holding()
    {
        var map = new AddWinsMap<Value>();
        map.Hold(A);
        map.Hold(B);
        return map;
    }

    private static List<string> Shown(AddWinsMap<Value> map) =>
        [.. map.Replicas.OrderBy(r => r.Key).SelectMany(r => r.Value.Live.Values).Select(v => v.Meta)];
}
