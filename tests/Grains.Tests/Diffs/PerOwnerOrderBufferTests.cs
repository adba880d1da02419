namespace Presence.Grains.Tests.Diffs;

public class PerOwnerOrderBufferTests
{
    private const int Capacity = 5;
    private static readonly ReplicaId A = new("a", 1);
    private static readonly ReplicaId B = new("b", 1);
    private static readonly TimeSpan MaxGap = TimeSpan.FromSeconds(6);
    private readonly TestTime _time = new();
    private readonly Dictionary<ReplicaId, ulong> _known = new() { [A] = 0, [B] = 0 };
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly PerOwnerOrderBuffer _order;

    public PerOwnerOrderBufferTests()
    {
        _prefixes = new ContiguousPrefixTracker(_ => 0);
        _order = new PerOwnerOrderBuffer("lobby", _prefixes, _time, MaxGap, Capacity);
    }

    [Fact]
    public void Changes_without_a_gap_are_released_at_once_in_the_order_added()
    {
        _known[A] = 9;
        Assert.Equal(
            "+1 +2 ~1 -2 +7", Release(Joined(A, 1), Joined(A, 2), Updated(A, 8, born: 1), Left(A, 2), Joined(A, 7)));
        Assert.True(_order.IsEmpty);
    }

    [Fact]
    public void Changes_behind_a_gap_are_released_after_those_that_fill_it()
    {
        _known[A] = 1;
        Assert.Equal("+1", Release(Joined(A, 1), Joined(A, 4), Joined(A, 5)));
        Assert.Equal("", Release());
        _known[A] = 5;
        Assert.Equal("+2 +3 +4 +5", Release(Joined(A, 2), Joined(A, 3)));
        Assert.True(_order.IsEmpty);
    }

    [Fact]
    public void Gap_without_changes_of_the_topic_also_withholds_later_changes()
    {
        _known[A] = 1;
        Assert.Equal("", Release(Joined(A, 4)));
        _known[A] = 4;
        Assert.Equal("+4", Release());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dead_predecessor_of_a_node_withholds_nothing(bool isListedFirst)
    {
        List<KnownReplica> known = [new("a", 2, 5), new("b", 1, 9)];
        known.Insert(isListedFirst ? 0 : 2, new KnownReplica("a", 1, ulong.MaxValue));
        Assert.Equal((5UL, 9UL), (Prefix(new("a", 2)), Prefix(new("b", 1))));
        Assert.Equal(ulong.MaxValue, Prefix(new("a", 1)));
        Assert.Equal(0UL, Prefix(new("a", 3)));

        ulong Prefix(ReplicaId owner) => _prefixes.Of("lobby", known).WithoutGap(owner);
    }

    [Fact]
    public void Gap_of_one_owner_does_not_withhold_changes_of_another()
    {
        _known[B] = 2;
        Assert.Equal("+1 +2", Release(Joined(A, 3), Joined(B, 1), Joined(A, 4), Joined(B, 2)));
        _known[A] = 4;
        Assert.Equal("+3 +4", Release(Joined(B, 9)));
    }

    [Fact]
    public void Withheld_presence_is_released_completely_in_its_own_order()
    {
        Assert.Equal("", Release(Joined(A, 3), Updated(A, 5, born: 3), Left(A, 3, last: 5), Joined(A, 7)));
        _known[A] = 7;
        Assert.Equal("+1 +3 ~3 -3 +7", Release(Joined(A, 1)));
    }

    [Fact]
    public void Leave_of_a_released_presence_is_not_withheld_without_a_gap()
    {
        _known[A] = 1;
        Release(Joined(A, 1));
        Assert.Equal("-1", Release(Left(A, 1)));
    }

    [Fact]
    public void Joins_added_newest_first_are_released_oldest_first()
    {
        _known[A] = 3;
        Assert.Equal("+1 +2 +3", Release(Joined(A, 3), Joined(A, 2), Joined(A, 1)));
    }

    [Fact]
    public void Change_withheld_for_the_maximum_time_is_released_and_covered_by_lists_from_then_on()
    {
        Assert.Equal("", Release(Joined(A, 4)));
        Assert.False(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        _time.Advance(MaxGap);
        Assert.Equal("+4", Release());
        Assert.Equal(1, _prefixes.SkippedTimes);
        Assert.True(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        Assert.False(_prefixes.Of("lobby", Known()).Covers(Entry(A, 5)));

        // A filled gap must not affect a later one.
        _known[A] = 5;
        Assert.True(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        Assert.Null(_prefixes.Of("lobby", Known()).Skipped);
    }

    [Fact]
    public void Changes_beyond_the_capacity_are_released_in_spite_of_the_gap()
    {
        Assert.Equal("", Release([.. Enumerable.Range(2, Capacity).Select(i => Joined(A, (ulong)i))]));
        Assert.Equal("+2 +3 +4 +5 +6 +7", Release(Joined(A, 7)));
    }

    [Theory]
    [InlineData(LeaveReason.NodeDown)]
    [InlineData(LeaveReason.NodeStopped)]
    public void Changes_of_a_removed_owner_are_released_at_once(LeaveReason reason)
    {
        Assert.Equal("", Release(Joined(A, 4)));
        Assert.Equal("+4 -4", Release(Left(A, 4, reason: reason)));
    }

    [Fact]
    public void Owner_that_is_not_listed_or_has_restarted_has_no_gap()
    {
        Assert.Equal("", Release(Joined(A, 4), Joined(B, 4)));
        _known.Remove(A);
        _known.Remove(B);
        _known[new ReplicaId("b", 2)] = 0;
        Assert.Equal("+4 +4", Release());
    }

    [Fact]
    public void Release_returns_at_most_the_requested_number_of_changes()
    {
        _known[A] = 9;
        foreach (var i in Enumerable.Range(1, 5))
        {
            _order.Add(Joined(A, (ulong)i));
        }

        Assert.Equal("+1 +2", Text(_order.Release(Known(), 2)));
        Assert.True(_order.WasFull);
        Assert.Equal("+3 +4 +5", Text(_order.Release(Known(), 9)));
    }

    private KnownReplica[] Known() => [.. _known.Select(k => new KnownReplica(k.Key.Node, k.Key.Incarnation, k.Value))];

    private string Release(params PresenceChange[] added)
    {
        foreach (var change in added)
        {
            _order.Add(change);
        }

        return Text(_order.Release(Known(), 1000));
    }

    private static string Text(IEnumerable<PresenceChange> changes) => string.Join(
        ' ',
        changes.Select(c => $"{(c.Kind switch
        {
            PresenceChangeKind.Joined => '+',
            PresenceChangeKind.Left => '-',
            _ => '~',
        })}{c.Entry.First.Sequence}"));

    private static PresenceEntry Entry(ReplicaId owner, ulong sequence, ulong? born = null) =>
        new(owner, sequence, born ?? sequence, 0, 1, "lobby", $"k{born ?? sequence}", PresenceMeta.Empty);

    private static PresenceChange Joined(ReplicaId owner, ulong sequence) =>
        PresenceChange.Joined(Entry(owner, sequence));

    private static PresenceChange Updated(ReplicaId owner, ulong sequence, ulong born) =>
        PresenceChange.Updated(Entry(owner, born), Entry(owner, sequence, born));

    private static PresenceChange Left(
        ReplicaId owner, ulong born, ulong? last = null, LeaveReason reason = LeaveReason.Untracked) =>
        PresenceChange.Left(Entry(owner, last ?? born, born), Entry(owner, last ?? born, born), reason);
}
