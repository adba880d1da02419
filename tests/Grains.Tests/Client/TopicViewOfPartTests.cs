using Presence.Grains.Client;

namespace Presence.Grains.Tests.Client;

/// <summary>How a client follows a <see cref="PresenceView"/> of a topic over silos that differ.</summary>
public class TopicViewOfPartTests
{
    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(10);
    private readonly TestTime _time = new();
    private readonly TopicView _view;

    public TopicViewOfPartTests() => _view = new TopicView(
        new PresenceSet("lobby"), _time, GracePeriod, isOfView: true);

    [Fact]
    public void Presence_that_went_out_of_the_view_returns_in_the_same_version()
    {
        List("x", [P("a", 1)]);
        Assert.Equal("-a@1 OutOfView", Change(Out(P("a", 1))));
        Assert.Equal("+a@1 OutOfView", Change(Into(P("a", 1))));
        Assert.Equal("-a@1 OutOfView", Change(Out(P("a", 1))));
        Assert.Equal("+a@1 OutOfView", List("y", [P("a", 1)], ("n", 1, 1)));
        Assert.True(_view.IsConsistent);
    }

    [Fact]
    public void Silo_that_lags_does_not_bring_back_the_version_before_the_one_that_went_out()
    {
        List("x", [P("a", 1)]);
        Assert.Equal("-a@2 OutOfView", Change(Out(P("a", 1), P("a", 2, first: 1))));
        Assert.Equal("", List("y", [P("a", 1)], ("n", 1, 1)));
        Assert.Equal("", Change(Out(P("a", 1), P("a", 2, first: 1))));
        Assert.Equal("+a@3 OutOfView", Change(Into(P("a", 3, first: 1))));
    }

    [Fact]
    public void Silo_that_lags_does_not_bring_back_what_has_ended()
    {
        List("x", [P("a", 1)]);
        Assert.Equal("-a@1 Untracked", Change(Left(P("a", 1))));
        Assert.Equal("", List("y", [P("a", 1)], ("n", 1, 1)));
        Assert.Equal("", Change(Out(P("a", 1))));
        Assert.Equal("", Change(Into(P("a", 1))));
    }

    [Fact]
    public void Presence_that_the_next_silo_does_not_list_may_be_out_of_its_view_and_return()
    {
        List("x", [P("a", 1), P("b", 2)]);
        Assert.Equal("-b@2 Unknown", List("y", [P("a", 1)], ("n", 1, 2)));
        Assert.Equal("+b@2 OutOfView", Change(Into(P("b", 2))));
    }

    [Fact]
    public void Presence_that_the_next_silo_does_not_know_yet_stays()
    {
        List("x", [P("a", 1), P("b", 2)]);
        Assert.Equal("+c@3", List("y", [P("a", 1), P("c", 3)], ("n", 1, 1)));
        Assert.False(_view.IsConsistent);
        Assert.Equal("-c@3 OutOfView", Change(Joined(P("b", 2)), Out(P("c", 3))));
        Assert.True(_view.IsConsistent);
    }

    private static PresenceEntry P(string key, ulong sequence, ulong? first = null) =>
        new(new ReplicaId("n", 1), sequence, first ?? sequence, 0, 1, "lobby", key, PresenceMeta.Empty);

    private static PresenceChange Joined(PresenceEntry p) => PresenceChange.Joined(p);

    private static PresenceChange Into(PresenceEntry p) => Joined(p) with { Reason = LeaveReason.OutOfView };

    private static PresenceChange Out(PresenceEntry shown, PresenceEntry? final = null) =>
        PresenceChange.Left(shown, final ?? shown, LeaveReason.OutOfView);

    private static PresenceChange Left(PresenceEntry p) => PresenceChange.Left(p, p, LeaveReason.Untracked);

    private static string Text(IEnumerable<PresenceChange> changes) => string.Join(
        ' ',
        changes.Select(c => c.Kind switch
        {
            PresenceChangeKind.Joined => $"+{Id(c)}{(c.IsOfView ? $" {c.Reason}" : "")}",
            PresenceChangeKind.Left => $"-{Id(c)} {c.Reason}",
            _ => $"~{Id(c)}",
        }));

    private static string Id(PresenceChange change) => $"{change.Entry.Key}@{change.Entry.Dot.Sequence}";

    private string List(
        string source, PresenceEntry[] present, params (string Node, ulong Incarnation, ulong Clock)[] known) =>
        Text(_view.Replace(source, present, [.. known.Select(k => new KnownReplica(k.Node, k.Incarnation, k.Clock))]));

    private string Change(params PresenceChange[] changes) => Text(_view.Apply(changes));
}
