using Presence.Tracker.Counts;

namespace Presence.Tracker.Tests.Counts;

public sealed class AdaptiveModeTests
{
    private readonly PresenceSet _set = new("t");
    private readonly Dictionary<string, PresenceEntry> _entries = [];
    private ulong _sequence;

    [Theory]
    [InlineData(500, 500, 400)]
    [InlineData(9, 9, 8)]
    [InlineData(1, 1, 1)]
    public void Counts_begin_above_the_number_of_members_and_end_at_four_fifths(int members, int last, int back)
    {
        var mode = new AdaptiveMode(members, 20, TimeSpan.FromSeconds(1));
        Assert.False(mode.IsCounting(last, false));
        Assert.True(mode.IsCounting(last + 1, false));
        Assert.True(mode.IsCounting(back + 1, true));
        Assert.False(mode.IsCounting(back, true));
    }

    [Fact]
    public void First_pattern_that_matches_the_topic_counts()
    {
        var options = new TrackerOptions()
            .AddAdaptive("room:1", 7)
            .AddAdaptive("room:*", 9, 5, TimeSpan.FromMinutes(1));
        Assert.Equal(new AdaptiveMode(7, 20, TimeSpan.FromSeconds(1)), options.AdaptiveOf("room:1"));
        Assert.Equal(new AdaptiveMode(9, 5, TimeSpan.FromMinutes(1)), options.AdaptiveOf("room:2"));
        Assert.Null(options.AdaptiveOf("cart:1"));
    }

    [Theory]
    [InlineData("a*b", 1, 1, 1000)]
    [InlineData("", 1, 1, 1000)]
    [InlineData("a", 0, 1, 1000)]
    [InlineData("a", 1, -1, 1000)]
    [InlineData("a", 1, 101, 1000)]
    [InlineData("a", 1, 1, 99)]
    [InlineData("a", 1, 1, 3_600_001)]
    public void Values_out_of_range_are_rejected(string topics, int members, int sample, int every) =>
        Assert.ThrowsAny<ArgumentException>(() => new TrackerOptions().AddAdaptive(
            topics, members, sample, TimeSpan.FromMilliseconds(every)));

    [Fact]
    public void Sample_keeps_who_is_present_and_is_given_again_after_a_change_when_its_time_has_come()
    {
        var sample = new TopicSample(new AdaptiveMode(5, 3, TimeSpan.FromSeconds(1)));
        Join("d", "e", "f", "g");
        Assert.True(sample.Update(_set.Current));
        Assert.Equal(["d", "e", "f"], sample.Entries.Select(entry => entry.Key));

        // A busy topic does not change it.
        Join("a", "b");
        Leave("g");
        Assert.False(sample.Update(_set.Current));
        Assert.False(sample.IsDirty);
        Leave("e");
        Join("d");
        var updates = Enumerable.Range(0, AdaptiveMode.SamplePeriods).Select(_ => sample.Update(_set.Current)).ToList();
        Assert.Equal(["d", "f", "a"], sample.Entries.Select(entry => entry.Key));
        Assert.Same(_entries["d"], sample.Entries[0]);
        Assert.Equal(AdaptiveMode.SamplePeriods - 2, updates.IndexOf(true));
        Assert.Single(updates, true);
    }

    [Fact]
    public void Sample_of_few_has_all_and_one_of_none_is_empty()
    {
        Join("a");
        var sample = new TopicSample(new AdaptiveMode(1, 3, TimeSpan.FromSeconds(1)));
        Assert.True(sample.Update(_set.Current));
        Assert.Single(sample.Entries);
        var none = new TopicSample(new AdaptiveMode(1, 0, TimeSpan.FromSeconds(1)));
        Assert.True(none.Update(_set.Current));
        Assert.Empty(none.Entries);
    }

    /// <summary>Joins, or updates a presence.</summary>
    private void Join(params string[] keys)
    {
        foreach (var key in keys)
        {
            var former = _entries.GetValueOrDefault(key);
            var number = ++_sequence;
            var entry = new PresenceEntry(
                new ReplicaId("n", 1),
                number,
                former?.CreatedSequence ?? number,
                former?.Sequence ?? 0,
                former?.Process ?? number,
                "t",
                key,
                PresenceMeta.Empty);
            _entries[key] = entry;
            _set.Apply([former is null ? PresenceChange.Joined(entry) : PresenceChange.Updated(former, entry)]);
        }
    }

    private void Leave(string key)
    {
        _set.Apply([PresenceChange.Left(_entries[key], _entries[key], LeaveReason.Untracked)]);
        _entries.Remove(key);
    }
}
