using Microsoft.Extensions.Time.Testing;
using Presence.Crdt;
using Presence.Grains.Client;
using Presence.Grains.Tests.Topics;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

public class TopicPictureTests
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);
    private readonly FakeTimeProvider _time = new();
    private readonly TopicPicture _picture;

    public TopicPictureTests() => _picture = new TopicPicture(_time, Settle);

    [Fact]
    public void A_list_is_told_as_joins_and_a_later_one_as_the_difference()
    {
        Assert.Equal("+a@1 +b@2", List("x", [P("a", 1), P("b", 2)]));
        Assert.Equal("-a@1 ~b@4 +c@3", List("x", [P("b", 4, first: 2), P("c", 3)]));
        Assert.Equal("", List("x", [P("b", 4, first: 2), P("c", 3)]));
    }

    [Fact]
    public void Those_of_one_member_that_a_list_adds_are_told_in_the_order_in_which_they_joined()
    {
        List("x", [P("c", 1)]);
        Assert.Equal("+b@2 +a@3 +d@4", List("x", [P("a", 3), P("b", 2), P("c", 1), P("d", 4)]));
    }

    [Fact]
    public void Changes_that_a_list_contained_already_are_not_told_again()
    {
        List("x", [P("a", 1), P("b", 5, first: 2)]);
        Assert.Equal("", Change(Joined(P("a", 1)), Updated(P("b", 4, first: 2)), Updated(P("b", 5, first: 2))));
        Assert.Equal("", Change(Left(P("gone", 3))));
        Assert.Equal("-a@1", Change(Left(P("a", 1))));
        Assert.Equal("", Change(Joined(P("a", 1)), Left(P("a", 1))));
        Assert.Equal("~b@6", Change(Updated(P("b", 6, first: 2))));
    }

    [Fact]
    public void A_presence_of_a_member_that_was_out_of_reach_comes_back()
    {
        List("x", [P("a", 1)]);
        Assert.Equal("-a@1", Change(Left(P("a", 1), LeaveReason.NodeDown)));
        Assert.Equal("+a@1", Change(Joined(P("a", 1))));
    }

    [Fact]
    public void A_new_source_that_does_not_know_of_a_presence_yet_does_not_end_it()
    {
        List("x", [P("a", 7)]);
        Assert.Equal("", List("y", [], ("n", 1, 6)));
        Assert.False(_picture.IsSettled);
        Assert.Equal("", Change(Joined(P("a", 7))));
        Assert.True(_picture.IsSettled);
    }

    [Theory]
    [InlineData("n", 1UL, 7UL)]
    [InlineData("n", 2UL, 0UL)]
    [InlineData("another", 1UL, 9UL)]
    public void A_new_source_that_knows_better_ends_it_at_once(string node, ulong incarnation, ulong clock)
    {
        List("x", [P("a", 7)]);
        Assert.Equal("-a@7", List("y", [], (node, incarnation, clock)));
        Assert.True(_picture.IsSettled);
    }

    [Fact]
    public void A_presence_that_came_and_went_unseen_by_the_new_source_ends_when_it_knows_enough_or_time_is_up()
    {
        List("x", [P("a", 7), P("b", 8)]);
        Assert.Equal("", List("y", [], ("n", 1, 6)));
        Assert.Equal("-a@7", List("y", [], ("n", 1, 7)));
        _time.Advance(Settle);
        Assert.Equal("-b@8", List("y", [], ("n", 1, 7)));
        Assert.True(_picture.IsSettled);
    }

    [Fact]
    public void A_new_source_that_lags_does_not_bring_back_who_left()
    {
        List("x", [P("a", 1), P("b", 2)]);
        Change(Left(P("a", 1)), Left(P("b", 2), LeaveReason.NodeDown));
        Assert.Equal("", List("y", [P("a", 1), P("b", 2)], ("n", 1, 2)));
        Assert.False(_picture.IsSettled);
        Assert.Equal("", Change(Left(P("a", 1)), Left(P("b", 2), LeaveReason.NodeDown)));
        Assert.True(_picture.IsSettled);
    }

    [Fact]
    public void Who_is_still_there_after_a_while_has_come_back()
    {
        List("x", [P("b", 2)]);
        Change(Left(P("b", 2), LeaveReason.NodeDown));
        Assert.Equal("", List("y", [P("b", 2)], ("n", 1, 2)));
        _time.Advance(Settle);
        Assert.Equal("+b@2", List("y", [P("b", 2)], ("n", 1, 2)));
        Assert.True(_picture.IsSettled);
    }

    [Fact]
    public void What_it_remembers_of_those_who_left_is_bounded()
    {
        for (var i = 0UL; i < 200_000; i++)
        {
            Change(Joined(P("k", i)), Left(P("k", i)));
        }

        Assert.InRange(_picture.Remembering, 1, 50_000);
        _time.Advance(TimeSpan.FromMinutes(2));
        Change(Joined(P("k", 300_000)), Left(P("k", 300_000)));
        Assert.Equal(1, _picture.Remembering);
    }

    private static PresenceEntry P(string key, ulong sequence, ulong? first = null) =>
        new(new ReplicaId("n", 1), sequence, first ?? sequence, 0, 1, "lobby", key, PresenceMeta.Empty);

    private static PresenceChange Joined(PresenceEntry p) => new(PresenceChangeKind.Joined, p, null, default);

    private static PresenceChange Updated(PresenceEntry p) => new(PresenceChangeKind.Updated, p, p, default);

    private static PresenceChange Left(PresenceEntry p, LeaveReason reason = LeaveReason.Untracked) =>
        new(PresenceChangeKind.Left, p, p, reason);

    private static string Text(IEnumerable<PresenceChange> told) => string.Join(
        ' ',
        told.Select(c => $"{(c.Kind switch
        {
            PresenceChangeKind.Joined => '+',
            PresenceChangeKind.Left => '-',
            _ => '~',
        })}{c.Entry.Key}@{c.Entry.Dot.Sequence}"));

    private string List(string source, PresenceEntry[] present, params (string Node, ulong Incarnation, ulong Clock)[] known) =>
        Text(_picture.Replace(source, present, [.. known.Select(k => new KnownReplica(k.Node, k.Incarnation, k.Clock))]));

    private string Change(params PresenceChange[] changes) => Text(_picture.Apply(changes));
}
