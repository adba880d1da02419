using Presence.Node.Trackers;

namespace Presence.Node.Tests.Trackers;

/// <summary>Text without a form in UTF-8 would be replaced on the wire, so that nodes would differ.</summary>
public sealed class InvalidTextTests
{
    private const string Bad = "half \uD83D of an emoji";
    private const string Good = "whole \uD83D\uDE00";

    private static readonly Dictionary<string, Func<IPresenceTracker, PresenceSession, string, string, object>> Calls =
        new()
        {
            ["track"] = (t, s, topic, key) => t.TrackAsync(s, topic, key).AsTask(),
            ["track many"] = (t, s, topic, key) => t.TrackManyAsync(s, [new(topic, key)]).AsTask(),
            ["track many of many shards"] = (t, s, topic, key) =>
                t.TrackManyAsync(s, [new("t1", "k"), new("t2", "k"), new("t3", "k"), new(topic, key)]).AsTask(),
            ["update"] = (t, s, topic, key) => t.UpdateAsync(s, topic, key, PresenceMeta.Empty).AsTask(),
            ["update by a function"] = (t, s, topic, key) => t.UpdateAsync(s, topic, key, old => old.Meta).AsTask(),
            ["update many"] = (t, s, topic, key) => t.UpdateManyAsync(s, [new(topic, key)]).AsTask(),
            ["untrack"] = (t, s, topic, key) => t.UntrackAsync(s, topic, key).AsTask(),
            ["get by key"] = (t, _, topic, key) => t.GetByKey(topic, key),
        };

    private static readonly Dictionary<string, Action<IPresenceTracker, string>> Readings = new()
    {
        ["list"] = (t, topic) => t.List(topic),
        ["count"] = (t, topic) => t.Count(topic),
        ["key count"] = (t, topic) => t.KeyCount(topic),
        ["subscribe"] = (t, topic) => t.Subscribe(topic, _ => { }).Dispose(),
        ["view"] = (t, topic) => ((PresenceTracker)t).ViewOf(topic),
    };

    public static TheoryData<string> Writing => [.. Calls.Keys];

    public static TheoryData<string> Reading => [.. Readings.Keys];

    [Theory]
    [MemberData(nameof(Writing))]
    public async Task Unpaired_surrogate_in_topic_or_key_is_rejected_by(string name)
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 4);
        var (tracker, session) = cluster.First();
        async Task<object> CallAsync(string topic, string key)
        {
            var result = Calls[name](tracker, session, topic, key);
            await (result as Task ?? Task.CompletedTask);
            return result;
        }

        var topic = await Assert.ThrowsAsync<ArgumentException>(() => CallAsync(Bad, "k"));
        Assert.Equal("topic", topic.ParamName);
        var key = await Assert.ThrowsAsync<ArgumentException>(() => CallAsync("t", Bad));
        Assert.Equal("key", key.ParamName);
        Assert.Empty(tracker.Topics(null, 10));
        await tracker.TrackAsync(session, Good, Good);
        Assert.Equal(Good, Assert.Single(tracker.List(Good)).Key);
    }

    [Theory]
    [MemberData(nameof(Reading))]
    public async Task Unpaired_surrogate_in_a_topic_is_rejected_by(string name)
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var thrown = Assert.Throws<ArgumentException>(() => Readings[name](cluster.Tracker(0), Bad));
        Assert.Equal("topic", thrown.ParamName);
    }

    [Fact]
    public async Task Unpaired_surrogate_is_rejected_in_every_other_name()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        Assert.Equal("key", Assert.Throws<ArgumentException>(() => cluster.Tracker(0).TopicsOf(Bad)).ParamName);
        var pubSub = cluster[0].PubSub;
        Assert.Equal("topic", Assert.Throws<ArgumentException>(() => pubSub.Subscribe(Bad, _ => { })).ParamName);
        foreach (var (message, parameter) in new (PubSubMessage, string)[]
        {
            (new(Bad, "e", default), "topic"),
            (new("t", Bad, default), "event"),
            (new("t", "e", new byte[] { (byte)'"', 0xED, 0xA0, 0xBD, (byte)'"' }), "message"),
        })
        {
            Assert.Equal(parameter, Assert.Throws<ArgumentException>(() => pubSub.Broadcast(message)).ParamName);
        }

        var options = new PresenceOptions();
        Assert.Equal("name", Assert.Throws<ArgumentException>(() => options.AddTracker(Bad)).ParamName);
        options.NodeName = Bad;
        Assert.Equal("NodeName", Assert.Throws<ArgumentException>(options.Validate).ParamName);
        Assert.Equal("name", Assert.Throws<ArgumentException>(
            () => new ServiceCollection().AddUniqueProcess<Unique.Watched>(Bad)).ParamName);
    }

    [Fact]
    public void Metadata_that_is_not_valid_unicode_is_rejected()
    {
        byte[] overlong = [.. "{\"a\":\""u8, 0xC0, 0x80, .. "\"}"u8];
        byte[] half = [.. "{\""u8, 0xED, 0xA0, 0xBD, .. "\":1}"u8];
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.Parse(overlong));
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.Parse(half));
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.ParseShared(half));
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.Parse($$"""{"a":"{{Bad}}"}"""));
        var raw = System.Text.Json.Nodes.JsonNode.Parse("{}")!.AsObject();
        raw["a"] = Good;
        Assert.Equal(Good, PresenceMeta.From(raw).As<Dictionary<string, string>>()!["a"]);
        Assert.Equal(Good, Encoding.UTF8.GetString(PresenceMeta.Parse($$"""{"a":"{{Good}}"}""").Utf8.Span)[6..^2]);
    }
}
