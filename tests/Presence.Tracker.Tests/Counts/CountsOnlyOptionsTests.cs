using Presence.Tracker.Counts;
using Presence.Tracker.Entries;

namespace Presence.Tracker.Tests.Counts;

public sealed class CountsOnlyOptionsTests
{
    [Fact]
    public void Counts_only_topic_is_always_sent_as_counts_and_is_not_adaptive()
    {
        var options = new TrackerOptions()
            .AddAdaptive("live:*", 7)
            .AddCountsOnly("live:big", TimeSpan.FromSeconds(2), 5)
            .AddCountsOnly("stream:*");
        options.Validate();
        Assert.Equal(new AdaptiveMode(0, 5, TimeSpan.FromSeconds(2)), options.AdaptiveOf("live:big"));
        Assert.Equal(new AdaptiveMode(0, 20, TimeSpan.FromSeconds(1)), options.AdaptiveOf("stream:1"));
        Assert.Equal(7, options.AdaptiveOf("live:1")!.Members);
        Assert.Null(options.CountsOnlyOf("live:1"));
        var mode = options.CountsOnlyOf("live:big")!;
        Assert.True(mode.IsCountsOnly && mode.IsCounting(0, false) && mode.IsCounting(0, true));
        Assert.False(options.AdaptiveOf("live:1")!.IsCountsOnly);
        Assert.True(options.HasCountsOnly);
        Assert.False(new TrackerOptions().HasCountsOnly);
    }

    [Theory]
    [InlineData("a*b", 1, 1000)]
    [InlineData("", 1, 1000)]
    [InlineData("a", -1, 1000)]
    [InlineData("a", 101, 1000)]
    [InlineData("a", 1, 99)]
    [InlineData("a", 1, 3_600_001)]
    public void Values_out_of_range_are_rejected(string topics, int sample, int every) =>
        Assert.ThrowsAny<ArgumentException>(() => new TrackerOptions().AddCountsOnly(
            topics, TimeSpan.FromMilliseconds(every), sample));

    [Fact]
    public void Pattern_that_is_adaptive_or_indexed_too_is_rejected()
    {
        TrackerOptions[] all =
        [
            new TrackerOptions().AddAdaptive("live:*").AddCountsOnly("live:*"),
            new TrackerOptions().AddCountsOnly("x").AddCountsOnly("live:*").AddIndex("live:*", "/a"),
        ];
        foreach (var options in all)
        {
            var e = Assert.Throws<ArgumentException>(options.Validate);
            Assert.Contains("AddCountsOnly is live:*: it is also given to", e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("live:*", true)]
    [InlineData("live:1", true)]
    [InlineData("live:1:*", true)]
    [InlineData("live*", false)]
    [InlineData("*", false)]
    [InlineData("one", true)]
    [InlineData("one*", false)]
    [InlineData("on", false)]
    public void Patterns_of_counts_only_topics_are_known(string pattern, bool areCountsOnly) => Assert.Equal(
        areCountsOnly,
        new TrackerOptions().AddCountsOnly("live:*").AddCountsOnly("one").AreCountsOnly(new TopicPattern(pattern)));

    [Fact]
    public void Views_of_a_counts_only_topic_are_rejected()
    {
        var options = new TrackerOptions().AddCountsOnly("live:*").AddIndex("*", "/a");
        options.Check(new PresenceView { First = 1 }, "other");
        options.Check(new PresenceView(), "live:1");
        Assert.Equal(
            "live:1",
            Assert.Throws<CountsOnlyTopicException>(
                () => options.Check(new PresenceView { First = 1 }, "live:1")).Topic);
        Assert.Throws<PresenceViewException>(() => options.Check(new PresenceView { First = -1 }, "live:1"));
    }
}
