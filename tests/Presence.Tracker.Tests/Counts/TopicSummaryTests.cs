using Presence.Tracker.Counts;

namespace Presence.Tracker.Tests.Counts;

public sealed class TopicSummaryTests
{
    [Fact]
    public void Summary_round_trips_as_metadata_that_fits_its_size()
    {
        var summary = new TopicSummary(200_000, 100_000, SketchOf(0, 100_000).Encode());
        var meta = summary.ToMeta();
        PresenceMeta.Check(meta.Utf8.Span);
        Assert.InRange(meta.Length, 1, TopicSummary.MaxBytes);
        Assert.True(summary.IsSame(TopicSummary.Read(meta)));
        Assert.False(summary.IsSame(summary with { Count = 1 }));
        Assert.False(summary.IsSame(summary with { KeyCount = 1 }));
        Assert.False(summary.IsSame(summary with { Sketch = SketchOf(0, 1).Encode() }));
        Assert.False(summary.IsSame(null));
    }

    [Fact]
    public void Summary_counts_each_key_once()
    {
        var set = new PresenceSet("t");
        ulong sequence = 0;
        foreach (var key in (string[])["a", "b", "b", "c", "c", "c"])
        {
            sequence++;
            var entry = new PresenceEntry(new ReplicaId("n", 1), sequence, sequence, 0, sequence, "t", key, default);
            set.Apply([PresenceChange.Joined(entry)]);
        }

        var summary = TopicSummary.Of(set.Current, SketchOf(0, 10));
        Assert.Equal((6, 3), (summary.Count, summary.KeyCount));
        var expected = new KeySketch();
        Array.ForEach((string[])["a", "b", "c"], expected.Add);
        Assert.Equal(expected.Encode(), summary.Sketch.ToArray());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"n":1,"k":1}""")]
    [InlineData("""{"n":0,"k":0,"s":"AQ=="}""")]
    [InlineData("""{"n":1,"k":2,"s":"AQ=="}""")]
    [InlineData("""{"n":-1,"k":-1,"s":"AQ=="}""")]
    [InlineData("""{"n":99999999999,"k":1,"s":"AQ=="}""")]
    [InlineData("""{"n":1.5,"k":1,"s":"AQ=="}""")]
    [InlineData("""{"n":"1","k":1,"s":"AQ=="}""")]
    [InlineData("""{"n":1,"k":1,"s":"!"}""")]
    [InlineData("""{"n":1,"k":1,"s":""}""")]
    [InlineData("""{"n":1,"k":1,"s":null}""")]
    [InlineData("""{"n":1,"k":1,"s":[1]}""")]
    [InlineData("""{"n":1,"k":1,"s":"Aw=="}""")]
    [InlineData("""{"n":{"n":1},"k":1,"s":"AQ=="}""")]
    public void Metadata_of_another_form_are_no_summary(string json) =>
        Assert.Null(TopicSummary.Read(PresenceMeta.Parse(json)));

    [Fact]
    public void Unknown_fields_are_skipped()
    {
        var meta = PresenceMeta.Parse("""{"x":{"n":9,"k":[1,2]},"n":2,"k":1,"s":"AQ==","y":null}""");
        Assert.True(new TopicSummary(2, 1, new byte[] { 1 }).IsSame(TopicSummary.Read(meta)));
    }

    [Fact]
    public void Metadata_that_are_too_large_are_no_summary()
    {
        var rest = new string('x', TopicSummary.MaxBytes);
        var meta = PresenceMeta.Parse($$"""{"n":1,"k":1,"s":"AQ==","x":"{{rest}}"}""");
        Assert.Null(TopicSummary.Read(meta));
    }

    [Fact]
    public void Keys_of_one_node_are_exact_and_of_several_between_the_largest_and_the_sum()
    {
        var one = new TopicSummary(1000, 777, SketchOf(0, 777).Encode());
        Assert.Equal(0, TopicSummary.KeysOf([]));
        Assert.Equal(777, TopicSummary.KeysOf([one]));
        Assert.Equal(777, TopicSummary.KeysOf([one, one with { KeyCount = 0 }]));
        Assert.InRange(TopicSummary.KeysOf([one, one]), 777, 797);
        var other = new TopicSummary(500, 500, SketchOf(500, 1000).Encode());
        Assert.InRange(TopicSummary.KeysOf([one, other]), 975, 1025);
        var huge = one with { KeyCount = int.MaxValue };
        Assert.Equal(int.MaxValue, TopicSummary.KeysOf([huge, huge]));
    }

    private static KeySketch SketchOf(int from, int to)
    {
        var sketch = new KeySketch();
        for (var i = from; i < to; i++)
        {
            sketch.Add($"key {i}");
        }

        return sketch;
    }
}
