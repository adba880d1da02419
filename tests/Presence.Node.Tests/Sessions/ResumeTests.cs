using Presence.Node.Hosting;
using Presence.Node.Sessions;

namespace Presence.Node.Tests.Sessions;

/// <summary>Sessions that are detached and resumed, on one node and on several.</summary>
public class ResumeTests
{
    private static readonly PresenceSessionOptions Grace = new() { Grace = TimeSpan.FromSeconds(10) };
    private static readonly PresenceMeta Meta = PresenceMeta.Parse("""{"online_at":"1"}""");

    [Fact]
    public async Task Session_without_grace_ends_when_it_is_detached()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var session = cluster[0].OpenSession(new PresenceSessionOptions());
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann");
        Assert.False(session.IsResumable);
        Assert.Null(session.Token);
        session.Detach();
        Assert.True(session.IsEnded);
        Assert.Equal(0, cluster.Tracker(0).Count("lobby"));
    }

    [Fact]
    public async Task Detached_session_is_attached_again_and_nobody_sees_it()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var tracker = cluster.Tracker(0);
        var changes = new Awaited<PresenceChange>();
        using var subscription = tracker.Subscribe("lobby", diff => diff.Changes.ToList().ForEach(changes.Add));
        var session = cluster[0].OpenSession(Grace);
        var before = await tracker.TrackAsync(session, "lobby", "ann", Meta);
        var token = session.Token!;
        session.Detach();
        Assert.False(session.IsAttached);

        var result = await cluster[0].ResumeAsync(token, Grace);
        Assert.Equal((ResumeOutcome.Attached, ResumeFailure.None), (result.Outcome, result.Failure));
        Assert.Equal([before], result.Presences);
        Assert.Same(before, await tracker.TrackAsync(result.Session, "lobby", "ann", Meta));
        Assert.Equal(0, await result.Session.CompleteResumeAsync());
        await Assert.ThrowsAsync<SessionMovedException>(() => tracker.TrackAsync(session, "lobby", "eve").AsTask());
        session.End();
        result.Session.End();
        await changes.CountAsync(2);
        Assert.Equal(
            [(PresenceChangeKind.Joined, "ann"), (PresenceChangeKind.Left, "ann")],
            changes.All.Select(c => (c.Kind, c.Entry.Key)));
        Assert.Equal(LeaveReason.SessionEnded, changes.All[1].Reason);
    }

    [Fact]
    public async Task Resumed_code_updates_adds_and_drops_presences()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var tracker = cluster.Tracker(0);
        var session = cluster[0].OpenSession(Grace);
        await tracker.TrackManyAsync(session, [new("lobby", "a"), new("lobby", "b"), new("lobby", "c")]);
        session.Detach();
        var (resumed, _, _, _) = await cluster[0].ResumeAsync(session.Token!, Grace);
        var changes = new Awaited<PresenceChange>();
        using var subscription = tracker.Subscribe("lobby", diff => diff.Changes.ToList().ForEach(changes.Add));

        await tracker.TrackAsync(resumed, "lobby", "a");
        await tracker.TrackAsync(resumed, "lobby", "b", Meta);
        await tracker.TrackAsync(resumed, "lobby", "d");
        await Assert.ThrowsAsync<AlreadyTrackedException>(() => tracker.TrackAsync(resumed, "lobby", "a").AsTask());
        Assert.Equal(1, await resumed.CompleteResumeAsync());
        await changes.CountAsync(3);
        Assert.Equal(
            [(PresenceChangeKind.Updated, "b"), (PresenceChangeKind.Joined, "d"), (PresenceChangeKind.Left, "c")],
            changes.All.Select(c => (c.Kind, c.Entry.Key)));
        Assert.Equal(["a", "b", "d"], tracker.List("lobby").Select(e => e.Key));
    }

    [Fact]
    public async Task Session_that_is_not_resumed_ends_after_its_grace()
    {
        var time = new TestTime();
        await using var cluster = await TestCluster.OfAsync(1, time: time);
        var ended = new Awaited<LeaveReason>();
        var changes = new Awaited<PresenceChange>();
        using var subscription = cluster.Tracker(0).Subscribe("lobby", d => d.Changes.ToList().ForEach(changes.Add));
        var session = cluster[0].OpenSession(Grace with { OnEnded = (_, reason) => ended.Add(reason) });
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann");
        session.Detach();
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal(1, cluster.Tracker(0).Count("lobby"));
        time.Advance(TimeSpan.FromSeconds(0.1));
        await changes.CountAsync(2);
        Assert.Equal(LeaveReason.GraceExpired, changes.All[1].Reason);
        Assert.Empty(ended.All);

        var late = await cluster[0].ResumeAsync(session.Token!, Grace);
        Assert.Equal((ResumeOutcome.New, ResumeFailure.Ended), (late.Outcome, late.Failure));
        Assert.True(late.Session.IsResumable);
    }

    [Fact]
    public async Task Later_connection_supersedes_the_earlier_one_of_the_same_token()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var ended = new Awaited<LeaveReason>();
        var first = cluster[0].OpenSession(Grace with { OnEnded = (_, reason) => ended.Add(reason) });
        await cluster.Tracker(0).TrackAsync(first, "lobby", "ann");
        var second = await cluster[0].ResumeAsync(first.Token!, Grace);
        Assert.Equal(ResumeOutcome.Attached, second.Outcome);
        await ended.CountAsync(1);
        Assert.Equal([LeaveReason.Superseded], ended.All);
        first.Detach();
        first.End();
        Assert.True(second.Session.IsAttached);
        Assert.Equal(1, cluster.Tracker(0).Count("lobby"));
    }

    [Fact]
    public async Task Session_is_resumed_at_another_node_and_no_observer_sees_it()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var changes = Enumerable.Range(0, 3).Select(_ => new Awaited<PresenceChange>()).ToArray();
        var session = cluster[0].OpenSession(Grace);
        var before = await cluster.Tracker(0).TrackAsync(session, "lobby", "ann", Meta);
        await SeeAsync(cluster, 3, "lobby", e => e.Ref == before.Ref);
        for (var i = 0; i < 3; i++)
        {
            var seen = changes[i];
            cluster.Tracker(i).Subscribe("lobby", d => d.Changes.ToList().ForEach(seen.Add));
        }

        session.Detach();
        var result = await cluster[1].ResumeAsync(session.Token!, Grace);
        Assert.Equal((ResumeOutcome.Resumed, ResumeFailure.None), (result.Outcome, result.Failure));
        Assert.Equal("ann", Assert.Single(result.Presences).Key);
        Assert.Equal(before.Ref, result.Presences[0].Ref);
        await cluster.Tracker(1).TrackAsync(result.Session, "lobby", "ann", Meta);
        await result.Session.CompleteResumeAsync();
        await SeeAsync(cluster, 3, "lobby", e => e.Owner.Node == "n1" && e.Ref == before.Ref);
        await Assert.ThrowsAsync<SessionMovedException>(
            () => cluster.Tracker(0).UpdateAsync(session, "lobby", "ann", Meta).AsTask());

        // One real change proves that the observers were not deaf.
        var after = await cluster.Tracker(1).UpdateAsync(result.Session, "lobby", "ann", PresenceMeta.Empty);
        foreach (var seen in changes)
        {
            await seen.CountAsync(1);
            Assert.Equal((PresenceChangeKind.Updated, before.Ref, after.Ref),
                (seen.All[0].Kind, seen.All[0].LastShown!.Ref, seen.All[0].Entry.Ref));
            Assert.Single(seen.All);
        }
    }

    [Fact]
    public async Task Resume_at_a_third_node_follows_the_session_and_takes_all_its_presences()
    {
        await using var cluster = await TestCluster.OfAsync(3, o => o.Tracker.PoolSize = 4);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var session = cluster[0].OpenSession(Grace);
        var topics = Enumerable.Range(0, 8).Select(i => $"t{i}").ToArray();
        await cluster.Tracker(0).TrackManyAsync(session, [.. topics.Select(t => new TrackRequest(t, "ann", Meta))]);
        var second = await cluster[1].ResumeAsync(session.Token!, Grace);
        Assert.Equal(8, second.Presences.Count);
        // With the first token: the reply with the second may have been lost.
        var third = await cluster[2].ResumeAsync(session.Token!, Grace);
        Assert.Equal(ResumeOutcome.Resumed, third.Outcome);
        Assert.Equal(topics, third.Presences.Select(p => p.Topic).Order());
        foreach (var topic in topics)
        {
            await SeeAsync(cluster, 3, topic, e => e.Owner.Node == "n2");
        }
    }

    [Fact]
    public async Task Earlier_token_is_rejected_once_the_client_has_confirmed_the_later_one()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var session = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann", Meta);
        var stale = session.Token!;
        var second = await cluster[1].ResumeAsync(stale, Grace);
        Assert.NotEqual(stale, second.Session.Token);
        second.Session.Confirm();
        var duplicated = await cluster[2].ResumeAsync(stale, Grace);
        Assert.Equal((ResumeOutcome.New, ResumeFailure.TokenReplaced), (duplicated.Outcome, duplicated.Failure));
        Assert.True(second.Session.IsAttached);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Each_resume_gives_a_new_token_and_a_duplicated_tab_takes_nothing(int node)
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[0].OpenSession(Grace);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "ann", Meta);
        var stale = session.Token!;
        session.Confirm();
        var second = (await cluster[0].ResumeAsync(stale, Grace)).Session;
        Assert.NotEqual(stale, second.Token);
        Assert.NotEqual(second.Token, session.Token);

        // The reply with the second token was lost.
        var third = (await cluster[0].ResumeAsync(stale, Grace)).Session;
        session.Confirm();
        second.Confirm();
        third.Confirm();
        var duplicated = await cluster[node].ResumeAsync(stale, Grace);
        Assert.Equal((ResumeOutcome.New, ResumeFailure.TokenReplaced), (duplicated.Outcome, duplicated.Failure));
        Assert.True(third.IsAttached);

        // The last token is accepted, and any one while nobody is attached.
        var fourth = (await cluster[0].ResumeAsync(third.Token!, Grace)).Session;
        fourth.Confirm();
        fourth.Detach();
        Assert.True((await cluster[node].ResumeAsync(stale, Grace)).IsResumed);
    }

    [Fact]
    public async Task Session_of_a_crashed_node_is_resumed_from_what_others_have_received()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[0].OpenSession(Grace);
        var before = await cluster.Tracker(0).TrackAsync(session, "lobby", "ann", Meta);
        await SeeAsync(cluster, 2, "lobby", e => e.Ref == before.Ref);
        var changes = new Awaited<PresenceChange>();
        cluster.Tracker(1).Subscribe("lobby", d => d.Changes.ToList().ForEach(changes.Add));
        cluster.InMemory.Kill("n0");
        var result = await cluster[1].ResumeAsync(session.Token!, Grace);
        Assert.Equal(ResumeOutcome.Resumed, result.Outcome);
        Assert.Equal(before.Ref, Assert.Single(result.Presences).Ref);
        result.Session.End();
        await changes.CountAsync(1);
        Assert.Equal((PresenceChangeKind.Left, LeaveReason.SessionEnded), (changes.All[0].Kind, changes.All[0].Reason));
    }

    [Fact]
    public async Task Planned_stop_hands_sessions_over_and_no_observer_sees_it()
    {
        await using var cluster = await TestCluster.OfAsync(3);
        await TestCluster.UntilNodesAsync(cluster, 3);
        var sessions = new List<PresenceSession>();
        for (var i = 0; i < 20; i++)
        {
            sessions.Add(cluster[0].OpenSession(Grace));
            await cluster.Tracker(0).TrackAsync(sessions[i], "lobby", $"k{i}", Meta);
        }

        var tracker = cluster.Tracker(2);
        await TestCluster.UntilAsync(tracker, () => tracker.Count("lobby") == 20, "all are there");
        var changes = new Awaited<PresenceChange>();
        cluster.Tracker(2).Subscribe("lobby", d => d.Changes.ToList().ForEach(changes.Add));
        await cluster.StopAsync(0);
        await TestTimeouts.UntilAsync(
            "n1 and n2 have them",
            TimeSpan.FromSeconds(30),
            () => tracker.List("lobby").Select(e => e.Owner.Node).Distinct().Order().SequenceEqual(["n1", "n2"]));
        for (var i = 0; i < 20; i++)
        {
            var result = await cluster[2].ResumeAsync(sessions[i].Token!, Grace);
            Assert.True(result.IsResumed);
            await cluster.Tracker(2).TrackAsync(result.Session, "lobby", $"k{i}", Meta);
            await result.Session.CompleteResumeAsync();
            sessions[i] = result.Session;
        }

        sessions[0].End();
        await changes.CountAsync(1);
        Assert.Equal((PresenceChangeKind.Left, "k0"), (changes.All[0].Kind, changes.All[0].Entry.Key));
        Assert.Equal(19, cluster.Tracker(2).Count("lobby"));
    }

    [Fact]
    public async Task Node_that_has_handed_a_session_over_passes_changes_on_until_a_client_resumes_it()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var (stopping, heir) = (cluster.Tracker(0), cluster.Tracker(1));
        var session = cluster[0].OpenSession(Grace);
        var leaving = cluster[0].OpenSession(Grace);
        await stopping.TrackManyAsync(session, [new("lobby", "a", Meta), new("lobby", "b", Meta)]);
        await stopping.TrackAsync(leaving, "lobby", "c", Meta);
        await ((PresenceNode)cluster[0]).LeaveAsync(default);

        var updated = await stopping.UpdateAsync(session, "lobby", "a", PresenceMeta.Empty);
        Assert.Equal(("n1", PresenceMeta.Empty), (updated.Owner.Node, updated.Meta));
        Assert.Equal(updated.Ref, heir.GetByKey("lobby", "a").Single().Ref);
        Assert.True(await stopping.UntrackAsync(session, "lobby", "b"));
        Assert.False(await stopping.UntrackAsync(session, "lobby", "b"));
        Assert.Empty(heir.GetByKey("lobby", "b"));
        await Assert.ThrowsAsync<NotTrackedException>(
            () => stopping.UpdateAsync(session, "lobby", "b", Meta).AsTask());
        await Assert.ThrowsAsync<PresenceLimitException>(() => stopping.UpdateAsync(
            session, "lobby", "a", PresenceMeta.From(new { text = new string('x', 70_000) })).AsTask());
        leaving.End();
        await TestCluster.UntilAsync(heir, () => heir.Count("lobby") == 1, "c has left");

        var resumed = (await cluster[1].ResumeAsync(session.Token!, Grace)).Session;
        await Assert.ThrowsAsync<SessionMovedException>(
            () => stopping.UpdateAsync(session, "lobby", "a", Meta).AsTask());
        session.End();
        await heir.UpdateAsync(resumed, "lobby", "a", Meta);
        Assert.Equal(1, heir.Count("lobby"));
    }

    /// <summary>The entries of the heir may also come before its answer.</summary>
    [Fact]
    public async Task Hand_over_is_known_by_the_entries_of_the_heir_if_its_answer_is_lost()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var heir = new TamperedTransport(cluster.InMemory.CreateTransport("n1"))
        {
            Loses = frame => frame.Channel == PresenceOptions.SessionChannel
                && SessionFrameCodec.Decode(frame.Body.Span, new PresenceLimits()) is HandedOverFrame,
        };
        await cluster.AddAsync("n1", transport: heir);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var session = cluster[0].OpenSession(Grace);
        var ended = new List<LeaveReason>();
        session.State!.OnEnded = (_, reason) => ended.Add(reason);
        await cluster.Tracker(0).TrackAsync(session, "lobby", "a", Meta);
        await ((PresenceNode)cluster[0]).LeaveAsync(default);

        var updated = await cluster.Tracker(0).UpdateAsync(session, "lobby", "a", PresenceMeta.Empty);
        Assert.Equal(("n1", PresenceMeta.Empty), (updated.Owner.Node, updated.Meta));
        Assert.Empty(ended);
    }

    [Fact]
    public void Token_survives_its_bytes_and_other_bytes_are_no_token()
    {
        var token = new ResumeToken(new(1, 2), new(3, 4), new("n0", 5), 6);
        var bytes = token.ToBytes();
        Assert.True(ResumeToken.TryParse(bytes, out var parsed));
        Assert.Equal(token, parsed);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(ResumeToken.TryParse(bytes.AsSpan(0, length), out _));
        }

        Assert.False(ResumeToken.TryParse([.. bytes, 0], out _));
        Assert.False(ResumeToken.TryParse([9, .. bytes[1..]], out _));
    }

    [Theory]
    [InlineData(1u << 30, true)]
    [InlineData((1u << 30) + 1, false)]
    [InlineData(uint.MaxValue - 1, false)]
    public void Token_from_near_the_end_of_numbers_is_no_token(uint resumes, bool isOne)
    {
        var bytes = new ResumeToken(new(1, 2), new(resumes, 0), new("n0", 5)).ToBytes();
        Assert.Equal(isOne, ResumeToken.TryParse(bytes, out _));
    }

    private static async Task SeeAsync(TestCluster cluster, int nodes, string topic, Func<PresenceEntry, bool> isSo)
    {
        for (var node = 0; node < nodes; node++)
        {
            var tracker = cluster.Tracker(node);
            await TestTimeouts.UntilAsync(
                $"n{node} shows it",
                TimeSpan.FromSeconds(30),
                () => tracker.List(topic) is { Count: 1 } all && isSo(all.Single()));
        }
    }
}
