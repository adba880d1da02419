using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Options;

public sealed class TrackerOptionsTests
{
    private readonly NodeHost _a = Nodes.Named("a")["a"];

    [Fact]
    public void Down_period_follows_the_broadcast_period()
    {
        var options = new TrackerOptions { BroadcastPeriod = TimeSpan.FromSeconds(1) };
        Assert.Equal(TimeSpan.FromSeconds(20), options.EffectiveDownPeriod);
        Assert.Equal(TimeSpan.FromSeconds(30), new TrackerOptions().EffectiveDownPeriod);
    }

    public static TheoryData<string, Action<TrackerOptions>> Bad => new()
    {
        { "DownPeriod is 00:00:01: it must be at least twice BroadcastPeriod",
            o => o.DownPeriod = TimeSpan.FromSeconds(1) },
        { "PermDownPeriod is 00:00:30: it must be longer than DownPeriod",
            o => o.PermDownPeriod = TimeSpan.FromSeconds(30) },
        { "BroadcastPeriod is 00:00:00", o => o.BroadcastPeriod = TimeSpan.Zero },
        { "BroadcastPeriod is 00:00:00.0099999: it must be 10 ms to 1 h",
            o => o.BroadcastPeriod = TimeSpan.FromMilliseconds(10) - TimeSpan.FromTicks(1) },
        { "BroadcastPeriod is 10675199.02", o => o.BroadcastPeriod = TimeSpan.MaxValue },
        { "MaxSilentPeriods is 0", o => o.MaxSilentPeriods = 0 },
        { "MaxSilentPeriods is 2147483647", o => o.MaxSilentPeriods = int.MaxValue },
        { "PermDownPeriod is 10675199.02", o => o.PermDownPeriod = TimeSpan.MaxValue },
        { "ClockSamplePeriods is 0", o => o.ClockSamplePeriods = 0 },
        { "ClockSamplePeriods is 1001", o => o.ClockSamplePeriods = 1001 },
        { "PoolSize is 0", o => o.PoolSize = 0 },
        { "DeltaDelay is -", o => o.DeltaDelay = TimeSpan.FromSeconds(-1) },
        { "MaxDeltaSizes is [10, 5]: it must be positive and ascending", o => o.MaxDeltaSizes = [10, 5] },
        { "LogLevel is Loud", o => o.LogLevel = "Loud" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Invalid_option_is_reported_with_its_value_and_its_rule(string message, Action<TrackerOptions> spoil)
    {
        var options = new TrackerOptions();
        spoil(options);
        var thrown = Assert.Throws<ArgumentException>(
            () => new TrackerShard(new ReplicaId("a", 1), 0, options, new PresenceLimits(), 1));
        Assert.Contains("Presence:Tracker:" + message, thrown.Message);
    }

    [Theory]
    [InlineData("", "k", "topic", 0)]
    [InlineData("t", "", "key", 0)]
    [InlineData("256", "k", "topic", 256)]
    [InlineData("t", "256", "key", 256)]
    public void Empty_or_too_long_input_is_rejected_and_nothing_changes(string topic, string key, string what, int size)
    {
        var thrown = Assert.Throws<PresenceLimitException>(
            () => _a.Track(
                key == "256" ? new string('k', 256) : key, topic: topic == "256" ? new string('t', 256) : topic));
        Assert.Equal((what, size), (thrown.What, thrown.Size));
        Assert.Equal(0, _a.Shard.Index.Count);
        Assert.Empty(_a.Changes);
    }

    [Fact]
    public void Limits_count_bytes_and_not_characters()
    {
        _a.Track(new string('é', 127));
        Assert.Throws<PresenceLimitException>(() => _a.Track(new string('é', 128)));
        _a.Track(new string('k', 255));
    }

    [Fact]
    public void Metadata_beyond_the_limit_is_rejected_in_track_and_in_update()
    {
        var big = "{\"v\":\"" + new string('x', 64 * 1024) + "\"}";
        Assert.Throws<PresenceLimitException>(() => _a.Track("k", big));
        _a.Track("k");
        Assert.Throws<PresenceLimitException>(() => _a.Update("k", big));
        Assert.Equal("{}", _a.Shard.Index.List("t").Single().Meta.ToString());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("")]
    [InlineData("{} {}")]
    [InlineData("{\"a\":}")]
    [InlineData("null")]
    public void Metadata_that_is_not_one_object_is_rejected(string json) =>
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.Parse(json));

    [Fact]
    public void Throwing_update_function_changes_nothing()
    {
        _a.Track("k");
        _a.DrainChanges();
        Assert.Throws<InvalidTimeZoneException>(() => _a.Do((shard, now, fx) =>
            shard.Update(now, 1, "t", "k", _ => throw new InvalidTimeZoneException(), fx)));
        Assert.Equal("", _a.DrainChanges());
        Assert.Equal(2UL, _a.Track("next").Dot.Sequence);
    }

    [Fact]
    public void Session_is_tracked_once_per_topic_and_key()
    {
        _a.Track("k");
        Assert.Throws<AlreadyTrackedException>(() => _a.Track("k"));
        _a.Track("k", topic: "other");
        _a.Track("other");
        _a.Track("k", process: 2);
        Assert.Equal(4, _a.Shard.Index.Count);
    }

    [Fact]
    public void TrackMany_tracks_all_or_none()
    {
        _a.Track("taken");
        _a.DrainChanges();
        Assert.Throws<AlreadyTrackedException>(() => _a.Do((s, now, fx) =>
            s.TrackMany(now, 1, [new TrackRequest("t", "new"), new TrackRequest("t", "taken")], fx)));
        Assert.Throws<AlreadyTrackedException>(() => _a.Do((s, now, fx) =>
            s.TrackMany(now, 1, [new TrackRequest("t", "new"), new TrackRequest("t", "new")], fx)));
        Assert.Throws<NotTrackedException>(() => _a.Do((s, now, fx) =>
            s.UpdateMany(now, 1, [new TrackRequest("t", "taken"), new TrackRequest("t", "absent")], fx)));
        Assert.Equal("", _a.DrainChanges());
    }

    [Fact]
    public void End_of_a_session_is_one_diff_over_all_its_topics()
    {
        for (var i = 0; i < 1000; i++)
        {
            _a.Track($"k{i}", topic: $"t{i % 10}");
        }

        _a.Track("other", process: 2);
        _a.Changes.Clear();
        Assert.Equal(1000, _a.End());
        Assert.Equal(1000, _a.Changes.Count(
            c => c is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.SessionEnded }));
        Assert.Equal(1, _a.Shard.Index.Count);
        Assert.Equal(0, _a.End());
    }
}
