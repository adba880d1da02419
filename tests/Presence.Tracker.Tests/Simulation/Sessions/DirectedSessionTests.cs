using Presence.Node;
using Presence.Node.Sessions;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>
/// Histories with one session, in which a resume is given up or its answer is lost. They detect the defects that random
/// histories meet too rarely.
/// </summary>
[Trait("Category", "Simulation")]
public sealed class DirectedSessionTests
{
    private static readonly PresenceSessionOptions Grace = new() { Grace = SessionHistory.Grace };
    private static readonly TimeSpan Round = TimeSpan.FromMilliseconds(500);

    private SessionHistory _history = null!;
    private PresenceSession _session = null!;

    [Theory]
    [InlineData(nameof(SessionDefect.TakesForNobody), nameof(Resume_that_its_client_gives_up_leaves_the_owner))]
    [InlineData(nameof(SessionDefect.TakesForNobody), nameof(Node_that_stops_takes_no_session_any_more))]
    [InlineData(nameof(SessionDefect.GivesNothingBack), nameof(Resume_that_its_client_gives_up_leaves_the_owner))]
    [InlineData(nameof(SessionDefect.GivesNothingBack), nameof(Owner_takes_back_what_it_released_to_a_crashed_node))]
    [InlineData(nameof(SessionDefect.ReservesNothing), nameof(Owner_writes_no_generation_that_it_has_reserved))]
    [InlineData(nameof(SessionDefect.ReservesNothing), nameof(Resume_outbids_a_node_that_does_not_answer))]
    [InlineData(nameof(SessionDefect.DeadReplicaWins), nameof(Replica_that_is_down_is_outbid))]
    [InlineData(nameof(SessionDefect.AttachesAfterPause), nameof(Suspended_owner_asks_who_has_the_session_now))]
    [InlineData(nameof(SessionDefect.UnknownResumeWins), nameof(Resume_without_a_reply_is_outbid_by_the_client_once))]
    [InlineData(nameof(SessionDefect.HeirKeepsGeneration), nameof(Heir_with_the_client_outbids_another_heir))]
    public async Task Directed_history_detects_a_defect(string defect, string history) =>
        await Assert.ThrowsAnyAsync<Xunit.Sdk.XunitException>(
            () => RunAsync(history, Enum.Parse<SessionDefect>(defect)));

    [Theory]
    [InlineData(nameof(Resume_that_its_client_gives_up_leaves_the_owner))]
    [InlineData(nameof(Node_that_stops_takes_no_session_any_more))]
    [InlineData(nameof(Owner_takes_back_what_it_released_to_a_crashed_node))]
    [InlineData(nameof(Owner_writes_no_generation_that_it_has_reserved))]
    [InlineData(nameof(Resume_outbids_a_node_that_does_not_answer))]
    [InlineData(nameof(Replica_that_is_down_is_outbid))]
    [InlineData(nameof(Suspended_owner_asks_who_has_the_session_now))]
    [InlineData(nameof(Heir_refuses_a_generation_that_is_earlier_than_it_knows))]
    [InlineData(nameof(Resume_without_a_reply_is_outbid_by_the_client_once))]
    [InlineData(nameof(Heir_with_the_client_outbids_another_heir))]
    public Task Rule_holds(string history) => RunAsync(history, SessionDefect.None);

    private Task RunAsync(string history, SessionDefect defect)
    {
        Start(defect);
        return history switch
        {
            nameof(Resume_that_its_client_gives_up_leaves_the_owner) =>
                Resume_that_its_client_gives_up_leaves_the_owner(),
            nameof(Node_that_stops_takes_no_session_any_more) => Node_that_stops_takes_no_session_any_more(),
            nameof(Owner_takes_back_what_it_released_to_a_crashed_node) =>
                Owner_takes_back_what_it_released_to_a_crashed_node(),
            nameof(Owner_writes_no_generation_that_it_has_reserved) =>
                Owner_writes_no_generation_that_it_has_reserved(),
            nameof(Resume_outbids_a_node_that_does_not_answer) => Resume_outbids_a_node_that_does_not_answer(),
            nameof(Replica_that_is_down_is_outbid) => Replica_that_is_down_is_outbid(),
            nameof(Suspended_owner_asks_who_has_the_session_now) => Suspended_owner_asks_who_has_the_session_now(),
            nameof(Resume_without_a_reply_is_outbid_by_the_client_once) =>
                Resume_without_a_reply_is_outbid_by_the_client_once(),
            nameof(Heir_with_the_client_outbids_another_heir) => Heir_with_the_client_outbids_another_heir(),
            _ => Heir_refuses_a_generation_that_is_earlier_than_it_knows(),
        };
    }

    private Task Resume_that_its_client_gives_up_leaves_the_owner()
    {
        using var connection = new CancellationTokenSource();
        var resume = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, connection.Token);
        connection.Cancel();
        _history.Run(Round);
        Assert.True(resume.IsCanceled);
        return AssertIsAtItsOwner();
    }

    private Task Node_that_stops_takes_no_session_any_more()
    {
        var resume = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, default);
        var stop = Node(1).StopAsync();
        _history.Run(Round);
        Assert.True(stop.IsCompletedSuccessfully);
        Assert.True(resume.IsCanceled);
        return AssertIsAtItsOwner();
    }

    private Task Owner_takes_back_what_it_released_to_a_crashed_node()
    {
        ReleaseToCrashedNode();
        _history.Run(SessionHistory.Grace + Round);
        AssertIsAtItsOwner();
        Assert.Equal(new Generation(2, 0), _session.Token!.Generation);
        Assert.Equal(new Generation(2, 0), Node(2).Entries(1).Single().Stamp!.Generation);
        return Task.CompletedTask;
    }

    private async Task Owner_writes_no_generation_that_it_has_reserved()
    {
        ReleaseToCrashedNode();
        _session.Detach();
        var resume = Node(0).Sessions.ResumeAsync(_session.Token!, Grace, default);
        _history.Run(Round * 2);
        Assert.True(resume.IsCompletedSuccessfully);
        Assert.Equal(new Generation(2, 0), (await resume).Session.Token!.Generation);
    }

    private async Task Resume_outbids_a_node_that_does_not_answer()
    {
        var first = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, default);
        Node(1).Pause(SessionHistory.Grace / 2);
        _history.Run(Round);
        Assert.NotNull(_session.State!.ReleasedTo);
        var second = Node(2).Sessions.ResumeAsync(_session.Token!, Grace, default);
        _history.Run(Round * 2);
        Assert.True(second.IsCompletedSuccessfully);
        var resumed = (await second).Session;
        Assert.Equal(new Generation(2, 0), resumed.Token!.Generation);
        resumed.Confirm();
        _history.Run(SessionHistory.Grace);

        // The first one has been suspended and begins again: it must not supersede the client that is connected now.
        Assert.True(first.IsCompletedSuccessfully);
        Assert.False((await first).IsResumed);
        Assert.False(resumed.IsEnded);
    }

    private Task Replica_that_is_down_is_outbid()
    {
        var stamp = _session.State!.Stamp with { Generation = new(5, 0) };
        Node(0).Sessions.OnSighted(new SessionSighting(stamp, new ReplicaId("n9", 1), IsDown: true));
        AssertIsAtItsOwner();
        Assert.Equal(new Generation(6, 0), _session.Token!.Generation);
        return Task.CompletedTask;
    }

    private async Task Suspended_owner_asks_who_has_the_session_now()
    {
        Node(0).Pause(Round * 2);
        _history.Network.Cut("n0", "n1");
        var first = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, default);
        _history.Run(Round * 1.9);
        Assert.True(first.IsCompletedSuccessfully);

        // The reply was lost, and so were the entries that n1 has sent to n0.
        _history.Network.Heal();
        _history.Run(Round * 0.11);
        var second = Node(0).Sessions.ResumeAsync(_session.Token!, Grace, default);
        _history.Run(Round);
        var resumed = await second;
        Assert.True(resumed.IsResumed);
        _history.Run(SessionHistory.Grace);
        Assert.False(resumed.Session.IsEnded);
        Assert.Empty(_history.Violations);
    }

    private Task Resume_without_a_reply_is_outbid_by_the_client_once()
    {
        _session.Confirm();
        foreach (var (greater, expected) in new[] { (new Generation(0, 0), 1u), (new Generation(0, 1), 1u) })
        {
            Sight(greater);
            AssertIsAtItsOwner();
            Assert.Equal(new Generation(expected, 0), _session.Token!.Generation);
        }

        // The other node outbids too: its client has confirmed as well.
        _session.Confirm();
        Sight(new(1, 0));
        Assert.True(_session.IsEnded);
        return Task.CompletedTask;
    }

    private async Task Heir_with_the_client_outbids_another_heir()
    {
        var stamp = _session.State!.Stamp;
        var ann = Node(0).Entries(1).Single();
        var presence = new SessionPresence(
            SessionNode.Tracker, 0, new(new TrackRequest(ann.Topic, ann.Key, ann.Meta), ann.RefDot));
        var handed = new HandedSession(
            stamp with { Generation = stamp.Generation.HandedOver() }, Grace.Grace, [presence]);
        var token = _session.Token!;
        _session.Detach();
        Node(1).Sessions.OnFrame("n0", new HandOverFrame(7, [handed]));
        var resumed = await Node(1).Sessions.ResumeAsync(token, Grace, default);
        Assert.Equal((ResumeOutcome.Attached, new Generation(1, 0)),
            (resumed.Outcome, resumed.Session.Token!.Generation));

        // The answer of the first heir was lost.
        Node(2).Sessions.OnFrame("n0", new HandOverFrame(8, [handed]));
        _history.Run(Round);
        Assert.True(resumed.Session.IsAttached);
        Assert.Null(Node(2).Sessions.Find(stamp.Session));
    }

    private void Sight(Generation generation) => Node(0).Sessions.OnSighted(new SessionSighting(
        _session.State!.Stamp with { Generation = generation }, new ReplicaId("n9", 1), IsDown: false));

    private Task Heir_refuses_a_generation_that_is_earlier_than_it_knows()
    {
        var resume = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, default);
        _history.Run(Round);
        Assert.True(resume.IsCompletedSuccessfully);
        var stamp = _session.State!.Stamp;
        var handed = new HandedSession(stamp with { Generation = stamp.Generation.HandedOver() }, Grace.Grace, []);
        Node(2).Sessions.OnFrame("n0", new HandOverFrame(7, [handed]));
        Assert.Null(Node(2).Sessions.Find(stamp.Session));
        return Task.CompletedTask;
    }

    /// <summary>Starts three nodes, the first with a session.</summary>
    private void Start(SessionDefect defect)
    {
        // Continuations run where they are completed.
        SynchronizationContext.SetSynchronizationContext(null);
        _history = new(1, new SessionHistoryOptions { SessionDefect = defect });
        _history.Network.Heal();
        for (var i = 0; i < 3; i++)
        {
            _history.Start($"n{i}");
        }

        _history.Run(Round);
        _session = Node(0).Sessions.Open(Grace);
        Node(0).Track(_session, "t0", "ann", PresenceMeta.Empty);
        _history.Run(Round);
    }

    private void ReleaseToCrashedNode()
    {
        _ = Node(1).Sessions.ResumeAsync(_session.Token!, Grace, default);
        while (_session.State!.ReleasedTo is null)
        {
            Assert.True(_history.Time.Step(_history.Time.Now + Round));
        }

        Node(1).Crash();
    }

    private SessionNode Node(int number) => _history.Find($"n{number}")!;

    private Task AssertIsAtItsOwner()
    {
        Assert.False(_session.IsEnded);
        Assert.True(_session.IsAttached);
        Node(0).Update(_session, "t0", "ann", PresenceMeta.Parse("""{"a":1}"""));
        _history.Run(Round);
        Assert.Equal(PresenceMeta.Parse("""{"a":1}"""), Node(2).Entries(1).Single().Meta);
        Assert.Empty(_history.Violations);
        return Task.CompletedTask;
    }
}
