using Presence.Node.Shards;
using Presence.Node.Trackers;

namespace Presence.Node.Tests.Trackers;

public sealed class SingleNodeTests
{
    [Fact]
    public async Task End_of_a_session_is_one_diff_per_shard_in_every_tracker()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.AddTracker("other", t => t.PoolSize = 4));
        var session = cluster[0].OpenSession();
        var other = cluster[0].GetTracker("other");
        var leaves = new List<int>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var handler = await other.AddHandlerAsync(new OnDiff(diff =>
        {
            var left = diff.Topics.Sum(
                t => t.Changes.Count(c => c is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.SessionEnded }));
            if (left > 0)
            {
                leaves.Add(left);
            }

            if (leaves.Sum() == 40)
            {
                all.SetResult();
            }
        }));
        await other.TrackManyAsync(session, [.. Enumerable.Range(0, 40).Select(i => new TrackRequest($"t{i}", "k"))]);
        await cluster.Tracker(0).TrackAsync(session, "t", "k");
        session.End();
        await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(4, leaves.Count);
        Assert.Equal(0, cluster.Tracker(0).Count("t"));
    }

    [Fact]
    public async Task Tracking_an_ended_session_is_a_join_and_at_once_a_leave()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var session = cluster[0].OpenSession();
        session.End();
        var changes = new List<PresenceChange>();
        using var subscription = cluster.Tracker(0).Subscribe("t", diff => changes.AddRange(diff.Changes));
        await cluster.Tracker(0).TrackAsync(session, "t", "k");
        await cluster.Tracker(0).DeliveredAsync();
        Assert.Equal([PresenceChangeKind.Joined, PresenceChangeKind.Left], changes.Select(c => c.Kind));
        Assert.Equal(0, cluster.Tracker(0).Count("t"));
    }

    [Fact]
    public async Task Race_of_track_and_end_leaves_no_presence_behind()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 2);
        for (var round = 0; round < 2000; round++)
        {
            var session = cluster[0].OpenSession();
            var track = Task.Run(async () => await cluster.Tracker(0).TrackAsync(session, $"t{round % 3}", "k"));
            session.End();
            await track;
        }

        // Completes after ends that wait in the mailbox of a busy shard.
        var last = cluster[0].OpenSession();
        for (var t = 0; t < 3; t++)
        {
            await cluster.Tracker(0).TrackAsync(last, $"t{t}", "last");
        }

        Assert.All(
            Enumerable.Range(0, 3), t => Assert.Equal(["last"], cluster.Tracker(0).List($"t{t}").Select(e => e.Key)));
    }

    [Fact]
    public async Task Errors_reach_the_caller_and_change_nothing()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t", "k");
        await Assert.ThrowsAsync<AlreadyTrackedException>(async () => await tracker.TrackAsync(session, "t", "k"));
        await Assert.ThrowsAsync<NotTrackedException>(
            async () => await tracker.UpdateAsync(session, "t", "absent", PresenceMeta.Empty));
        await Assert.ThrowsAsync<PresenceLimitException>(
            async () => await tracker.TrackAsync(session, new string('t', 300), "k"));
        await Assert.ThrowsAsync<InvalidTimeZoneException>(
            async () => await tracker.UpdateAsync(session, "t", "k", _ => throw new InvalidTimeZoneException()));
        Assert.False(await tracker.UntrackAsync(session, "t", "absent"));
        Assert.Equal("{}", Assert.Single((IEnumerable<PresenceEntry>)tracker.List("t")).Meta.ToString());
    }

    [Fact]
    public async Task Presences_on_several_shards_are_tracked_all_or_none()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, "t7", "k");
        var requests = Enumerable.Range(0, 20).Select(i => new TrackRequest($"t{i}", "k")).ToArray();
        await Assert.ThrowsAsync<AlreadyTrackedException>(async () => await tracker.TrackManyAsync(session, requests));
        Assert.Equal(["t7"], tracker.TopicsOf("k"));
        Assert.Equal(1, await tracker.UntrackAllAsync(session));
        var entries = await tracker.TrackManyAsync(session, requests);
        Assert.Equal(requests.Select(r => r.Topic), entries.Select(e => e.Topic));
        var updated = await tracker.UpdateManyAsync(
            session, [.. requests.Select(r => r with { Meta = PresenceMeta.Parse("""{"v":1}""") })]);
        Assert.Equal(entries.Select(e => e.Ref), updated.Select(e => e.PreviousRef));
        Assert.Equal(20, await tracker.UntrackAllAsync(session));
        Assert.False(session.IsEnded);
    }

    [Fact]
    public async Task Topics_of_all_shards_form_one_ordered_list()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8);
        var session = cluster[0].OpenSession();
        await cluster.Tracker(0).TrackManyAsync(
            session, [.. Enumerable.Range(0, 50).Select(i => new TrackRequest($"t{i:D2}", "k"))]);
        Assert.Equal(["t10", "t11", "t12"], cluster.Tracker(0).Topics("t09", 3).Select(t => t.Topic));
        Assert.Equal(50, cluster.Tracker(0).TopicsOf("k").Count);
    }

    [Fact]
    public async Task Trackers_of_different_names_share_nothing()
    {
        await using var cluster = await TestCluster.OfAsync(2, o => o.AddTracker("other"));
        await cluster[0].GetTracker("other").TrackAsync(cluster[0].OpenSession(), "t", "k");
        var there = cluster[1].GetTracker("other");
        await TestCluster.UntilAsync(there, () => there.Count("t") == 1, "k is in the other tracker");
        Assert.Equal(0, cluster.Tracker(1).Count("t"));
        Assert.Contains(
            "presence, other", Assert.Throws<ArgumentException>(() => cluster[0].GetTracker("none")).Message);
    }

    [Fact]
    public async Task Callback_may_use_the_tracker()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        var echo = new TaskCompletionSource<PresenceEntry>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (inside, nested) = (false, false);
        using var subscription = tracker.Subscribe("t", diff =>
        {
            nested |= inside;
            inside = true;
            if (diff.Changes[0].Entry.Key == "k")
            {
                _ = EchoAsync();
            }

            inside = false;
        });
        async Task EchoAsync() => echo.SetResult(await tracker.TrackAsync(session, "t", "echo"));
        await tracker.TrackAsync(session, "t", "k");
        Assert.Equal("echo", (await echo.Task.WaitAsync(TimeSpan.FromSeconds(30))).Key);
        Assert.Equal(["echo", "k"], tracker.List("t").Select(e => e.Key));
        Assert.False(nested, "a change made inside a callback is notified after the callback returns");
    }

    [Fact]
    public async Task Throwing_subscriber_affects_no_other()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var seen = 0;
        using var bad = cluster.Tracker(0).Subscribe("t", _ => throw new InvalidTimeZoneException());
        using var good = cluster.Tracker(0).Subscribe("t", _ => seen++);
        var session = cluster[0].OpenSession();
        await cluster.Tracker(0).TrackAsync(session, "t", "k1");
        await cluster.Tracker(0).TrackAsync(session, "t", "k2");
        await cluster.Tracker(0).DeliveredAsync();
        Assert.Equal(2, seen);
    }

    [Fact]
    public async Task Full_mailbox_rejects_commands_and_loses_none_that_it_accepted()
    {
        // A tick of the shard would take a place in the mailbox.
        await using var cluster = await TestCluster.OfAsync(
            1, o => o.MailboxCapacity = 16, new TestTime());
        var (tracker, session) = cluster.First();
        using var held = new HeldShard(cluster[0], "t");
        var tracks = Enumerable.Range(0, 40).Select(i => tracker.TrackAsync(session, "t", $"k{i}").AsTask()).ToArray();
        var rejected = tracks.Count(t => t.IsFaulted && t.Exception!.InnerException is PresenceOverloadException);
        Assert.Equal(24, rejected);
        held.Release();
        await Task.WhenAll(tracks.Where(t => !t.IsFaulted));
        Assert.Equal(17, tracker.Count("t"));
    }

    [Fact]
    public async Task End_of_a_session_is_never_rejected()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.MailboxCapacity = 16);
        var tracker = cluster.Tracker(0);
        var sessions = Enumerable.Range(0, 100).Select(_ => cluster[0].OpenSession()).ToArray();
        foreach (var session in sessions)
        {
            await tracker.TrackAsync(session, "t", "k");
        }

        using var subscription = tracker.Subscribe("t", _ => sessions.Skip(1).ToList().ForEach(p => p.End()));
        sessions[0].End();
        await TestCluster.UntilAsync(tracker, () => tracker.Count("t") == 0, "all have left");
    }

    [Fact]
    public async Task Shard_continues_after_a_command_that_throws()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var host = ((PresenceTracker)cluster.Tracker(0)).Hosts[0];
        Assert.True(host.Post(new ActionCommand((_, _, _) => throw new InvalidTimeZoneException()), always: false));
        await cluster.Tracker(0).TrackAsync(cluster[0].OpenSession(), "t", "k");
        Assert.Equal(1, cluster.Tracker(0).Count("t"));
    }
}
