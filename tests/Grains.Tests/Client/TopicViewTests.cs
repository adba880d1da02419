using Presence.Grains.Client;

namespace Presence.Grains.Tests.Client;

public class TopicViewTests
{
    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(10);
    private readonly TestTime _time = new();
    private readonly TopicView _view;

    public TopicViewTests() => _view = new TopicView(new PresenceSet("lobby"), _time, GracePeriod);

    [Fact]
    public void List_yields_joins_and_a_later_list_yields_the_difference()
    {
        Assert.Equal("+a@1 +b@2", List("x", [P("a", 1), P("b", 2)]));
        Assert.Equal("-a@1 ~b@4 +c@3", List("x", [P("b", 4, first: 2), P("c", 3)]));
        Assert.Equal("", List("x", [P("b", 4, first: 2), P("c", 3)]));
    }

    [Fact]
    public void Joins_of_one_node_from_a_list_keep_the_order_in_which_they_joined()
    {
        List("x", [P("c", 1)]);
        Assert.Equal("+b@2 +a@3 +d@4", List("x", [P("a", 3), P("b", 2), P("c", 1), P("d", 4)]));
    }

    [Fact]
    public void Changes_that_a_list_already_contained_are_not_repeated()
    {
        List("x", [P("a", 1), P("b", 5, first: 2)]);
        Assert.Equal("", Change(Joined(P("a", 1)), Updated(P("b", 4, first: 2)), Updated(P("b", 5, first: 2))));
        Assert.Equal("", Change(Left(P("gone", 3))));
        Assert.Equal("-a@1", Change(Left(P("a", 1))));
        Assert.Equal("", Change(Joined(P("a", 1)), Left(P("a", 1))));
        Assert.Equal("~b@6", Change(Updated(P("b", 6, first: 2))));
    }

    [Fact]
    public void Presence_of_a_node_that_was_unreachable_comes_back()
    {
        List("x", [P("a", 1)]);
        Assert.Equal("-a@1", Change(Left(P("a", 1), LeaveReason.NodeDown)));
        Assert.Equal("+a@1", Change(Joined(P("a", 1))));
    }

    [Fact]
    public void New_source_that_does_not_know_a_presence_yet_does_not_end_it()
    {
        List("x", [P("a", 7)]);
        Assert.Equal("", List("y", [], ("n", 1, 6)));
        Assert.False(_view.IsConsistent);
        Assert.Equal("", Change(Joined(P("a", 7))));
        Assert.True(_view.IsConsistent);
    }

    [Theory]
    [InlineData("n", 1UL, 7UL)]
    [InlineData("n", 2UL, 0UL)]
    [InlineData("n", 0xFFFFUL, ulong.MaxValue)]
    public void New_source_with_newer_knowledge_ends_a_presence_at_once(string node, ulong incarnation, ulong clock)
    {
        List("x", [P("a", 7)]);
        Assert.Equal("-a@7", List("y", [], (node, incarnation, clock)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void New_source_that_does_not_know_the_node_yet_does_not_end_its_presences()
    {
        List("x", [P("a", 7)]);
        Assert.Equal("", List("y", [], ("another", 1, 9), ("n", 0, ulong.MaxValue)));
        Assert.False(_view.IsConsistent);
        Assert.Equal("", List("y", [P("a", 7)], ("n", 1, 7)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void Reason_of_a_missed_leave_is_claimed_only_if_it_is_known()
    {
        List("x", [P("a", 1), P("b", 2)]);
        var alive = _view.Replace("y", [P("b", 2)], [new KnownReplica("n", 1, 2)]);
        var restarted = _view.Replace("y", [], [new KnownReplica("n", 2, 0)]);
        Assert.Equal(LeaveReason.Unknown, Assert.Single(alive).Reason);
        Assert.Equal(LeaveReason.NodeDown, Assert.Single(restarted).Reason);
    }

    [Fact]
    public void Presence_unseen_by_the_new_source_ends_when_the_source_knows_enough_or_after_the_grace_period()
    {
        List("x", [P("a", 7), P("b", 8)]);
        Assert.Equal("", List("y", [], ("n", 1, 6)));
        Assert.Equal("-a@7", List("y", [], ("n", 1, 7)));
        _time.Advance(GracePeriod);
        Assert.Equal("-b@8", List("y", [], ("n", 1, 7)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void New_source_that_lags_does_not_bring_back_presences_that_left()
    {
        List("x", [P("a", 1), P("b", 2)]);
        Change(Left(P("a", 1)), Left(P("b", 2), LeaveReason.NodeDown));
        Assert.Equal("", List("y", [P("a", 1), P("b", 2)], ("n", 1, 2)));
        Assert.False(_view.IsConsistent);
        Assert.Equal("", Change(Left(P("a", 1)), Left(P("b", 2), LeaveReason.NodeDown)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void Presence_still_listed_after_the_grace_period_comes_back()
    {
        List("x", [P("b", 2)]);
        Change(Left(P("b", 2), LeaveReason.NodeDown));
        Assert.Equal("", List("y", [P("b", 2)], ("n", 1, 2)));
        _time.Advance(GracePeriod);
        Assert.Equal("+b@2", List("y", [P("b", 2)], ("n", 1, 2)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void Presence_that_its_session_tracked_again_is_never_shown_beside_the_one_before()
    {
        List("x", [P("a", 3)]);
        Assert.Equal("-a@3 +a@5", List("y", [P("a", 5)], ("n", 1, 2)));
        Assert.Equal("", Change(Left(P("a", 3))));
        Assert.Equal("", List("z", [P("a", 3)], ("n", 1, 4)));
        Assert.Equal("-a@5", Change(Left(P("a", 5))));
    }

    [Fact]
    public void Changes_are_visible_together_and_say_which_keys_they_change()
    {
        var set = new PresenceSet("lobby");
        var view = new TopicView(set, _time, GracePeriod);
        var joined = view.Replace("x", [P("a", 1), P("b", 2)], []);
        Assert.All(joined, change => Assert.True(change.ChangesKey));
        Assert.Equal(["a", "b"], set.Current.Select(p => p.Key));
        var left = Assert.Single(view.Apply([Left(P("a", 1))]));
        Assert.True(left.ChangesKey);
        Assert.Equal((1, 1), (set.Current.Count, set.Current.KeyCount));
    }

    [Fact]
    public void Number_of_remembered_leaves_is_bounded()
    {
        for (var i = 0UL; i < 200_000; i++)
        {
            Change(Joined(P("k", i)), Left(P("k", i)));
        }

        Assert.InRange(_view.RememberedCount, 1, 50_000);
        _time.Advance(TimeSpan.FromMinutes(2));
        Change(Joined(P("k", 300_000)), Left(P("k", 300_000)));
        Assert.Equal(1, _view.RememberedCount);
    }

    [Fact]
    public void Change_costs_about_the_same_with_a_hundred_and_with_a_hundred_thousand_presences()
    {
        // Allocated bytes are the same on every machine. The depth of the tree of presences grows by its logarithm; a
        // change that read all presences would take a thousand times as much.
        var few = BytesOfChanges(100);
        var many = BytesOfChanges(100_000);
        Assert.InRange(many, 0, few * 4);
    }

    /// <summary>Returns the bytes that are allocated by 1,000 updates, each received by itself.</summary>
    private static long BytesOfChanges(int presences)
    {
        var set = new PresenceSet("lobby");
        var view = new TopicView(set, new TestTime(), GracePeriod);
        PresenceEntry Entry(int i, ulong version) => P($"k{i:D6}", version, first: (ulong)i + 1);
        view.Replace("x", Enumerable.Range(0, presences).Select(i => Entry(i, (ulong)i + 1)), []);
        PresenceChange[] changes =
        [
            .. Enumerable.Range(0, 1000).Select(i => Updated(Entry(i * 7919 % presences, (ulong)(presences + i + 1)))),
        ];
        var bytes = AllocatedBytes.Of(() =>
        {
            foreach (var change in changes)
            {
                Assert.Single(view.Apply([change]));
            }
        });
        Assert.Equal(presences, set.Current.Count);
        return bytes;
    }

    private static PresenceEntry P(string key, ulong sequence, ulong? first = null) =>
        new(new ReplicaId("n", 1), sequence, first ?? sequence, 0, 1, "lobby", key, PresenceMeta.Empty);

    private static PresenceChange Joined(PresenceEntry p) => new(PresenceChangeKind.Joined, p, null, default);

    private static PresenceChange Updated(PresenceEntry p) => new(PresenceChangeKind.Updated, p, p, default);

    private static PresenceChange Left(PresenceEntry p, LeaveReason reason = LeaveReason.Untracked) =>
        new(PresenceChangeKind.Left, p, p, reason);

    private static string Text(IEnumerable<PresenceChange> changes) => string.Join(
        ' ',
        changes.Select(c => $"{(c.Kind switch
        {
            PresenceChangeKind.Joined => '+',
            PresenceChangeKind.Left => '-',
            _ => '~',
        })}{c.Entry.Key}@{c.Entry.Dot.Sequence}"));

    private string List(
        string source, PresenceEntry[] present, params (string Node, ulong Incarnation, ulong Clock)[] known) =>
        Text(_view.Replace(source, present, [.. known.Select(k => new KnownReplica(k.Node, k.Incarnation, k.Clock))]));

    private string Change(params PresenceChange[] changes) => Text(_view.Apply(changes));
}
