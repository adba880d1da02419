namespace Presence.Tracker.Tests.Shard;

public sealed class Two_with_one_name
{
    [Fact]
    public void Of_two_living_members_with_one_name_the_older_stops()
    {
        var (hereabouts, elsewhere) = (new Members(), new Members());
        var older = hereabouts.Add("a", incarnation: 1, seed: 1);
        var newer = elsewhere.Add("a", incarnation: 2, seed: 2);
        newer.Do((shard, now, fx) => shard.Receive(now, new HeartbeatFrame(new Sender(older.Shard.Self, 1, 1, 1, 0), []), fx));
        hereabouts.Give("a", elsewhere.Take<HeartbeatFrame>(to: "a"));
        Assert.True(older.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.Restarted));
    }

    [Fact]
    public void Of_two_living_members_with_one_name_the_older_stops_even_where_it_has_the_higher_incarnation()
    {
        var (hereabouts, elsewhere) = (new Members(), new Members());
        var older = hereabouts.Add("a", incarnation: 1, seed: 1);
        hereabouts.Give("a", new ObituaryFrame(new Sender(new ReplicaId("b", 1), 1, 9, 1, 0), new ReplicaId("a", 50)));
        var newer = elsewhere.Add("a", incarnation: 2, seed: 2);
        for (var round = 0; round < 3; round++)
        {
            Hear(elsewhere, older, started: 1);
            Hear(hereabouts, newer, started: 2);
            elsewhere.Give("a", hereabouts.Take<HeartbeatFrame>(to: "a"));
            hereabouts.Give("a", elsewhere.Take<HeartbeatFrame>(to: "a"));
        }

        Assert.True(older.Saw(ReplicaEventKind.NameConflict));
        Assert.False(newer.Saw(ReplicaEventKind.NameConflict));
    }

    private static void Hear(Members where, Member speaking, ulong started) =>
        where.Give("a", new HeartbeatFrame(new Sender(speaking.Shard.Self, started, started, 1, 0), []));

    [Fact]
    public void A_member_whose_name_was_taken_meanwhile_stops_and_nobody_sees_the_other_leave_or_join()
    {
        var members = Members.WithPresence("old");
        var old = members.Crash("a");
        var young = members.Add("a", incarnation: 2);
        young.Track("young");
        members.Settle();
        foreach (var member in new[] { young, members["b"] })
        {
            member.Changes.Clear();
        }

        // The old one is within reach again: it greets b, and everybody hears what goes to its name.
        old.Do((shard, now, fx) => shard.MemberJoined(now, "b", fx));
        while (members.OnTheWay.Count > 0)
        {
            var (_, to, frame) = members.OnTheWay[0];
            members.OnTheWay.RemoveAt(0);
            members.Give(to, frame);
            if (to == "a" && !old.Saw(ReplicaEventKind.NameConflict))
            {
                old.Do((shard, now, fx) => shard.Receive(now, frame, fx));
            }
        }

        Assert.True(old.Saw(ReplicaEventKind.NameConflict));
        members.Settle();
        Assert.Empty(young.Changes);
        Assert.Empty(members["b"].Changes);
        Assert.Equal(["young"], members["b"].Keys());
    }
}
