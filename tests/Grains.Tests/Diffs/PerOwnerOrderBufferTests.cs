namespace Presence.Grains.Tests.Diffs;

public class PerOwnerOrderBufferTests
{
    private const int Most = 5;
    private static readonly ReplicaId A = new("a", 1);
    private static readonly ReplicaId B = new("b", 1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(6);
    private readonly FakeTimeProvider _time = new();
    private readonly Dictionary<ReplicaId, ulong> _known = new() { [A] = 0, [B] = 0 };
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly PerOwnerOrderBuffer _order;

    public PerOwnerOrderBufferTests()
    {
        _prefixes = new ContiguousPrefixTracker(_ => 0);
        _order = new PerOwnerOrderBuffer("lobby", _prefixes, _time, Longest, Most);
    }

    [Fact]
    public void What_is_known_without_a_gap_is_told_at_once_and_as_it_was_shown()
    {
        _known[A] = 9;
        Assert.Equal("+1 +2 ~1 -2 +7", Told(Joined(A, 1), Joined(A, 2), Updated(A, 8, born: 1), Left(A, 2), Joined(A, 7)));
        Assert.True(_order.IsEmpty);
    }

    [Fact]
    public void What_lies_behind_a_gap_is_told_after_what_fills_it()
    {
        _known[A] = 1;
        Assert.Equal("+1", Told(Joined(A, 1), Joined(A, 4), Joined(A, 5)));
        Assert.Equal("", Told());
        _known[A] = 5;
        Assert.Equal("+2 +3 +4 +5", Told(Joined(A, 2), Joined(A, 3)));
        Assert.True(_order.IsEmpty);
    }

    [Fact]
    public void A_gap_that_hides_nothing_of_the_topic_is_waited_for_all_the_same()
    {
        _known[A] = 1;
        Assert.Equal("", Told(Joined(A, 4)));
        _known[A] = 4;
        Assert.Equal("+4", Told());
    }

    [Fact]
    public void One_owner_does_not_wait_for_the_gap_of_another()
    {
        _known[B] = 2;
        Assert.Equal("+1 +2", Told(Joined(A, 3), Joined(B, 1), Joined(A, 4), Joined(B, 2)));
        _known[A] = 4;
        Assert.Equal("+3 +4", Told(Joined(B, 9)));
    }

    [Fact]
    public void A_presence_that_waits_is_told_whole_in_its_own_order()
    {
        Assert.Equal("", Told(Joined(A, 3), Updated(A, 5, born: 3), Left(A, 3, last: 5), Joined(A, 7)));
        _known[A] = 7;
        Assert.Equal("+1 +3 ~3 -3 +7", Told(Joined(A, 1)));
    }

    [Fact]
    public void The_end_of_who_was_told_does_not_wait_behind_no_gap()
    {
        _known[A] = 1;
        Told(Joined(A, 1));
        Assert.Equal("-1", Told(Left(A, 1)));
    }

    [Fact]
    public void Who_is_shown_again_newest_first_is_told_oldest_first()
    {
        _known[A] = 3;
        Assert.Equal("+1 +2 +3", Told(Joined(A, 3), Joined(A, 2), Joined(A, 1)));
    }

    [Fact]
    public void After_a_while_it_is_told_in_spite_of_the_gap_and_the_lists_hold_it_from_then_on()
    {
        Assert.Equal("", Told(Joined(A, 4)));
        Assert.False(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        _time.Advance(Longest);
        Assert.Equal("+4", Told());
        Assert.Equal(1, _prefixes.SkippedTimes);
        Assert.True(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        Assert.False(_prefixes.Of("lobby", Known()).Covers(Entry(A, 5)));

        // The gap is closed, another opens: the old one has said nothing about that.
        _known[A] = 5;
        Assert.True(_prefixes.Of("lobby", Known()).Covers(Entry(A, 4)));
        Assert.Null(_prefixes.Of("lobby", Known()).Skipped);
    }

    [Fact]
    public void More_than_may_wait_are_told_in_spite_of_the_gap()
    {
        Assert.Equal("", Told([.. Enumerable.Range(2, Most).Select(i => Joined(A, (ulong)i))]));
        Assert.Equal("+2 +3 +4 +5 +6 +7", Told(Joined(A, 7)));
    }

    [Theory]
    [InlineData(LeaveReason.NodeDown)]
    [InlineData(LeaveReason.NodeStopped)]
    public void Of_an_owner_that_is_gone_everything_is_told_at_once(LeaveReason reason)
    {
        Assert.Equal("", Told(Joined(A, 4)));
        Assert.Equal("+4 -4", Told(Left(A, 4, reason: reason)));
    }

    [Fact]
    public void An_owner_that_nobody_counts_as_living_or_that_has_begun_anew_has_no_gap()
    {
        Assert.Equal("", Told(Joined(A, 4), Joined(B, 4)));
        _known.Remove(A);
        _known.Remove(B);
        _known[new ReplicaId("b", 2)] = 0;
        Assert.Equal("+4 +4", Told());
    }

    [Fact]
    public void A_batch_holds_at_most_so_many()
    {
        _known[A] = 9;
        foreach (var i in Enumerable.Range(1, 5))
        {
            _order.Add(Joined(A, (ulong)i));
        }

        Assert.Equal("+1 +2", Text(_order.Take(Known(), 2)));
        Assert.True(_order.WasFull);
        Assert.Equal("+3 +4 +5", Text(_order.Take(Known(), 9)));
    }

    private KnownReplica[] Known() => [.. _known.Select(k => new KnownReplica(k.Key.Node, k.Key.Incarnation, k.Value))];

    private string Told(params PresenceChange[] shown)
    {
        foreach (var change in shown)
        {
            _order.Add(change);
        }

        return Text(_order.Take(Known(), 1000));
    }

    private static string Text(IEnumerable<PresenceChange> told) => string.Join(
        ' ',
        told.Select(c => $"{(c.Kind switch
        {
            PresenceChangeKind.Joined => '+',
            PresenceChangeKind.Left => '-',
            _ => '~',
        })}{c.Entry.First.Sequence}"));

    private static PresenceEntry Entry(ReplicaId owner, ulong sequence, ulong? born = null) =>
        new(owner, sequence, born ?? sequence, 0, 1, "lobby", $"k{born ?? sequence}", PresenceMeta.Empty);

    private static PresenceChange Joined(ReplicaId owner, ulong sequence) => PresenceChange.Joined(Entry(owner, sequence));

    private static PresenceChange Updated(ReplicaId owner, ulong sequence, ulong born) =>
        PresenceChange.Updated(Entry(owner, born), Entry(owner, sequence, born));

    private static PresenceChange Left(
        ReplicaId owner, ulong born, ulong? last = null, LeaveReason reason = LeaveReason.Untracked) =>
        PresenceChange.Left(Entry(owner, last ?? born, born), Entry(owner, last ?? born, born), reason);
}
