using Presence.Grains.Client;
using Presence.Tracker.Sessions;
using Presence.Grains.Topics;

namespace Presence.Grains.Tests.Client;

/// <summary>How a client sees presences of sessions that continue on another silo.</summary>
public class ResumedPresenceViewTests
{
    private static readonly PresenceMeta Meta = PresenceMeta.Parse("""{"v":1}""");
    private readonly TopicView _view = new(
        new PresenceSet("t"), new TestTime(), TimeSpan.FromSeconds(10));
    private readonly PresenceEntry _first = Entry("a", 5, 0);

    public ResumedPresenceViewTests() => _view.Replace("a", [_first], []);

    [Fact]
    public void List_of_another_silo_with_the_successor_changes_nothing_if_its_ref_and_metadata_are_equal()
    {
        var successor = Entry("b", 2, 1, _first.RefDot);
        Assert.Empty(_view.Replace("b", [successor], []));
        var left = Assert.Single(_view.Apply([PresenceChange.Left(successor, successor, LeaveReason.SessionEnded)]));
        Assert.Equal((PresenceChangeKind.Left, _first.Ref), (left.Kind, left.LastShown!.Ref));
    }

    [Fact]
    public void Update_by_the_successor_replaces_the_presence()
    {
        var successor = Entry("b", 2, 1, default, PresenceMeta.Empty);
        var update = Assert.Single(_view.Apply([PresenceChange.Updated(_first, successor)]));
        Assert.Equal((PresenceChangeKind.Updated, _first, successor), (update.Kind, update.LastShown, update.Entry));
        Assert.Empty(_view.Apply([PresenceChange.Left(_first, _first, LeaveReason.NodeDown)]));
        Assert.Empty(_view.Apply([PresenceChange.Joined(_first)]));
    }

    [Fact]
    public void Presence_that_its_session_ended_and_tracked_again_returns()
    {
        _view.Apply([PresenceChange.Left(_first, _first, LeaveReason.Untracked)]);
        Assert.Empty(_view.Apply([PresenceChange.Joined(_first)]));
        var again = Assert.Single(_view.Apply([PresenceChange.Joined(Entry("a", 9, 0))]));
        Assert.Equal(PresenceChangeKind.Joined, again.Kind);
    }

    [Fact]
    public void Session_of_an_entry_survives_the_way_to_a_client()
    {
        var entry = Entry("b", 2, 3, _first.RefDot);
        var converter = new PresenceEntryConverter();
        var copy = converter.ConvertFromSurrogate(converter.ConvertToSurrogate(entry));
        Assert.Equal((entry.Stamp, entry.Ref, entry.Identity), (copy.Stamp, copy.Ref, copy.Identity));
        var plain = new PresenceEntry(new ReplicaId("a", 1), 1, 1, 0, 1, "t", "k", Meta);
        Assert.True(converter.ConvertToSurrogate(plain).Session.IsEmpty);
    }

    private static PresenceEntry Entry(
        string node, ulong sequence, uint resumes, RefDot refDot = default, PresenceMeta? meta = null) => new(
        new ReplicaId(node, 1), sequence, sequence, 0, sequence, "t", "k", meta ?? Meta,
        new SessionStamp(new SessionId(1, 2), new Generation(resumes, 0), TimeSpan.FromSeconds(10)), refDot);
}
