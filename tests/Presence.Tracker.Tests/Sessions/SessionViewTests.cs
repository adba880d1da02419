using Presence.Tracker.Index;
using Presence.Tracker.Sessions;
using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Sessions;

/// <summary>Which entry of a resumable session is shown, and what observers are told.</summary>
public class SessionViewTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
    private static readonly ReplicaId A = new("a", 1);
    private static readonly ReplicaId B = new("b", 1);
    private static readonly PresenceMeta Meta = PresenceMeta.Parse("""{"v":1}""");

    private readonly PresenceIndex _index = new();
    private readonly ShardEffects _effects = new();
    private readonly SessionView _view;

    public SessionViewTests() => _view = new SessionView(_index, TimeSpan.FromSeconds(6));

    private List<PresenceChange> Changes => _effects.Changes;

    [Fact]
    public void Successor_with_equal_ref_and_metadata_is_not_reported()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Set(Entry(B, 7, 1, first.RefDot), Changes);
        _view.Remove(first, first, LeaveReason.Superseded, isCertain: true, Changes);
        Assert.Equal(PresenceChangeKind.Joined, Assert.Single(Changes).Kind);
        Assert.Equal((B, first.Ref), (Shown()!.Owner, Shown()!.Ref));
        Assert.Equal(1, _index.Count);
    }

    [Fact]
    public void Successor_with_other_metadata_is_one_update()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Set(Entry(B, 7, 1, default, PresenceMeta.Empty), Changes);
        Assert.Equal([PresenceChangeKind.Joined, PresenceChangeKind.Updated], Changes.Select(c => c.Kind));
        Assert.Same(first, Changes[1].LastShown);
    }

    [Theory]
    [InlineData(LeaveReason.NodeDown)]
    [InlineData(LeaveReason.NodeStopped)]
    [InlineData(LeaveReason.Replaced)]
    [InlineData(LeaveReason.Superseded)]
    public void Leave_of_a_lost_owner_is_held_for_the_grace_and_reported_with_its_reason(LeaveReason reason)
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, reason, isCertain: true, Changes);
        Assert.Equal((1, 1), (_view.HeldCount, _index.Count));
        _view.Now = Grace - TimeSpan.FromTicks(1);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Single(Changes);
        _view.Now = Grace;
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal((PresenceChangeKind.Left, reason), (Changes[1].Kind, Changes[1].Reason));
        Assert.Equal((0, 0), (_view.HeldCount, _index.Count));
    }

    [Theory]
    [InlineData(LeaveReason.Untracked)]
    [InlineData(LeaveReason.SessionEnded)]
    [InlineData(LeaveReason.GraceExpired)]
    [InlineData(LeaveReason.Evicted)]
    public void Leave_that_is_meant_is_reported_at_once(LeaveReason reason)
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, reason, isCertain: true, Changes);
        Assert.Equal((PresenceChangeKind.Left, reason), (Changes[1].Kind, Changes[1].Reason));
    }

    /// <summary>The missing changes of a second owner, lost too, may be the successor.</summary>
    [Fact]
    public void Leave_is_held_for_the_grace_since_the_last_loss_of_a_replica_whose_changes_are_missing()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.NodeDown, isCertain: true, Changes);
        _view.Now = TimeSpan.FromSeconds(4);
        _view.OnLostIncomplete();
        TellsLeaveAt(TimeSpan.FromSeconds(14), behindSince: null);
    }

    [Fact]
    public void Leave_is_held_for_the_grace_since_changes_of_a_live_replica_are_missing()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.NodeDown, isCertain: true, Changes);
        TellsLeaveAt(TimeSpan.FromSeconds(13), behindSince: TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void Suspension_of_this_process_does_not_count_against_a_held_leave()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.NodeDown, isCertain: true, Changes);
        _view.Now = Grace * 2;
        _view.Tick(Grace * 1.5, _effects);
        Assert.Single(Changes);
    }

    [Fact]
    public void Leave_that_is_held_since_a_suspension_is_not_held_longer_for_it()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Now = Grace * 2;
        _view.Remove(first, first, LeaveReason.NodeDown, isCertain: true, Changes);
        _view.Tick(Grace * 2, _effects);
        _view.Now = Grace * 3;
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal(PresenceChangeKind.Left, Changes[1].Kind);
    }

    [Fact]
    public void Leave_that_is_held_for_the_second_time_is_held_longer_by_a_suspension_once()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.Superseded, isCertain: true, Changes);
        var second = Entry(B, 2, 1, first.RefDot);
        _view.Set(second, Changes);
        _view.Remove(second, second, LeaveReason.NodeDown, isCertain: true, Changes);
        _view.Now = Grace;
        _view.Tick(Grace, _effects);
        _view.Now = Grace * 2;
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal(PresenceChangeKind.Left, Changes[1].Kind);
    }

    [Fact]
    public void Older_entry_does_not_return_after_its_successor_has_left()
    {
        var second = Entry(B, 7, 1);
        _view.Set(second, Changes);
        _view.Remove(second, second, LeaveReason.Untracked, isCertain: true, Changes);
        _view.Set(Entry(A, 1, 0), Changes);
        Assert.Equal([PresenceChangeKind.Joined, PresenceChangeKind.Left], Changes.Select(c => c.Kind));
        Assert.Null(Shown());
    }

    [Fact]
    public void Owner_of_an_entry_that_stays_hidden_is_reported_with_the_reason()
    {
        var second = Entry(B, 7, 1);
        _view.Set(Entry(A, 1, 0), Changes);
        _view.Set(second, Changes);
        _view.Remove(second, second, LeaveReason.SessionEnded, isCertain: true, Changes);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Empty(_effects.Hidden);
        _view.Now = TimeSpan.FromSeconds(6);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal([new HiddenSession(new(1, 2), A, new(1, 0), HasEnded: true)], _effects.Hidden);
    }

    [Fact]
    public void Generations_are_forgotten_after_twice_the_grace_and_the_idle_timeout()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.Untracked, isCertain: true, Changes);
        _view.Now = TimeSpan.FromSeconds(109);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal(1, _view.Count);
        _view.Now = TimeSpan.FromSeconds(110);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Equal(0, _view.Count);
    }

    [Fact]
    public void Session_whose_generations_are_forgotten_is_unknown()
    {
        var first = Entry(A, 1, 0);
        _view.Set(first, Changes);
        _view.Remove(first, first, LeaveReason.Untracked, isCertain: true, Changes);
        Assert.Equal(new Generation(0, 0), _view.KnowledgeOf(new(1, 2)).Known);
        _view.Now = TimeSpan.FromSeconds(110);
        _view.Tick(TimeSpan.Zero, _effects);
        Assert.Null(_view.KnowledgeOf(new(1, 2)).Known);
    }

    [Fact]
    public void Number_of_remembered_generations_is_bounded()
    {
        for (var i = 0UL; i < 70_000; i++)
        {
            var stamp = new SessionStamp(new(i, 0), default, Grace);
            var entry = new PresenceEntry(A, i + 1, i + 1, 0, 1, "t", "k", Meta, stamp);
            _view.Set(entry, Changes);
            _view.Remove(entry, entry, LeaveReason.Untracked, isCertain: true, Changes);
            Changes.Clear();
        }

        _view.Tick(TimeSpan.Zero, _effects);
        Assert.InRange(_view.Count, 1, 65_536);
    }

    /// <summary>Histories that show an error only if the view has the defect.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("ForgetsGenerations")]
    [InlineData("ViewsBySequence")]
    [InlineData("GenerationPerSession")]
    public void Defects_of_the_view_are_seen(string? defect)
    {
        _view.Planted = defect is null ? ShardDefect.None : Enum.Parse<ShardDefect>(defect);
        var second = Entry(B, 7, 1);
        var other = new PresenceEntry(A, 9, 9, 0, 1, "t", "other", Meta, Entry(A, 1, 0).Stamp);
        _view.Set(other, Changes);
        _view.Set(Entry(A, 8, 0), Changes);
        _view.Set(second, Changes);
        _index.Publish();
        var shownOwners = _index.List("t").GetByKey("k").Select(e => e.Owner).ToArray();
        var isOtherHeld = _view.HeldCount > 0;
        _view.Set(new PresenceEntry(A, 11, 9, 9, 1, "t", "other", Meta, other.Stamp), Changes);
        isOtherHeld |= _view.HeldCount > 0;
        _view.Remove(second, second, LeaveReason.Untracked, isCertain: true, Changes);
        _index.Publish();
        var isRight = shownOwners.SequenceEqual([B]) && !isOtherHeld && _index.List("t").GetByKey("k").Count == 0;
        Assert.Equal(defect is null, isRight);
    }

    private PresenceEntry? Shown()
    {
        _index.Publish();
        return _index.List("t").SingleOrDefault();
    }

    private void TellsLeaveAt(TimeSpan due, TimeSpan? behindSince)
    {
        foreach (var before in new[] { Grace, due - TimeSpan.FromTicks(1) })
        {
            _view.Now = before;
            _view.Tick(TimeSpan.Zero, _effects, behindSince);
            Assert.Single(Changes);
        }

        _view.Now = due;
        _view.Tick(TimeSpan.Zero, _effects, behindSince);
        Assert.Equal(PresenceChangeKind.Left, Changes[1].Kind);
        Assert.Equal(0, _view.HeldCount);
    }

    private static PresenceEntry Entry(
        ReplicaId owner, ulong sequence, uint resumes, RefDot refDot = default, PresenceMeta? meta = null) => new(
        owner, sequence, sequence, 0, sequence, "t", "k", meta ?? Meta,
        new SessionStamp(new SessionId(1, 2), new Generation(resumes, 0), Grace), refDot);
}
