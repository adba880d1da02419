using Presence.Node.Leases;

namespace Presence.Grains.Tests.Client;

/// <summary>Input that no silo would accept is rejected by the client, and large input is sent in parts.</summary>
[Trait("Category", "Orleans")]
public sealed class LargeInputTests : IAsyncLifetime
{
    /// <summary>One byte more than a topic or key may have.</summary>
    private static readonly string s_long = new('ä', 128);

    private readonly CallFaults _faults = new();
    private PresenceCluster _cluster = null!;

    private IPresenceClient Client => _cluster.Client;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1, configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(_faults));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Theory]
    [InlineData("Track")]
    [InlineData("TrackMany")]
    [InlineData("Update")]
    [InlineData("Put")]
    public async Task Large_metadata_is_rejected_before_it_is_sent(string method)
    {
        var large = MetaOf(64 * 1024);
        await using var ann = await Client.TrackAsync("lobby", "ann");
        var error = await RejectionAsync<PresenceLimitException>(() => method switch
        {
            "Track" => Client.TrackAsync("lobby", "bob", large),
            "TrackMany" => Client.TrackManyAsync([new("lobby", "bob"), new("lobby", "cyd", large)]),
            "Update" => ann.UpdateAsync(large),
            _ => PutAsync(new LeaseId("lobby", "bob", ""), large),
        });
        Assert.Equal(("metadata", 64 * 1024), (error.What, error.Limit));
        Assert.Equal(1, await Client.CountAsync("lobby"));
    }

    [Theory]
    [InlineData("Track")]
    [InlineData("TrackMany")]
    [InlineData("Put")]
    [InlineData("Observer")]
    [InlineData("Stream")]
    [InlineData("Count")]
    [InlineData("KeyCount")]
    [InlineData("Page")]
    [InlineData("GetByKey")]
    [InlineData("Freshness")]
    [InlineData("Evict")]
    [InlineData("Send")]
    public async Task Long_topic_is_rejected_before_it_is_sent(string method)
    {
        var error = await RejectionAsync<PresenceLimitException>(() => method switch
        {
            "Track" => Client.TrackAsync(s_long, "ann"),
            "TrackMany" => Client.TrackManyAsync([new("lobby", "ann"), new(s_long, "bob")]),
            "Put" => PutAsync(new LeaseId(s_long, "ann", "")),
            "Observer" => Client.SubscribeAsync(s_long, _ => default),
            "Stream" => Client.SubscribeAsync(s_long, _ => default, SubscriptionKind.Stream),
            "Count" => Client.CountAsync(s_long),
            "KeyCount" => Client.KeyCountAsync(s_long),
            "Page" => Client.PageAsync(s_long, null, 10),
            "GetByKey" => Client.GetByKeyAsync(s_long, "ann"),
            "Freshness" => Client.FreshnessAsync(s_long),
            "Evict" => Client.EvictAsync(s_long, "ann"),
            _ => Client.SendAsync(s_long, "ann", new SessionMessage("hello", "{}"u8.ToArray())),
        });
        Assert.Equal(("topic", 256, 255), (error.What, error.Size, error.Limit));
    }

    [Theory]
    [InlineData("Track")]
    [InlineData("TrackMany")]
    [InlineData("Put")]
    [InlineData("GetByKey")]
    [InlineData("TopicsOf")]
    [InlineData("Evict")]
    [InlineData("EvictKey")]
    [InlineData("Send")]
    [InlineData("SendToKey")]
    public async Task Long_key_is_rejected_before_it_is_sent(string method)
    {
        var message = new SessionMessage("hello", "{}"u8.ToArray());
        var error = await RejectionAsync<PresenceLimitException>(() => method switch
        {
            "Track" => Client.TrackAsync("lobby", s_long),
            "TrackMany" => Client.TrackManyAsync([new("lobby", "ann"), new("lobby", s_long)]),
            "Put" => PutAsync(new LeaseId("lobby", s_long, "")),
            "GetByKey" => Client.GetByKeyAsync("lobby", s_long),
            "TopicsOf" => Client.TopicsOfAsync(s_long),
            "Evict" => Client.EvictAsync("lobby", s_long),
            "EvictKey" => Client.EvictKeyAsync(s_long),
            "Send" => Client.SendAsync("lobby", s_long, message),
            _ => Client.SendToKeyAsync(s_long, message),
        });
        Assert.Equal(("key", 256, 255), (error.What, error.Size, error.Limit));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Large_message_is_rejected_before_it_is_sent(bool inAllTopics)
    {
        var large = new SessionMessage("hello", Encoding.UTF8.GetBytes($"\"{new string('a', 1024 * 1024)}\""));
        var error = await RejectionAsync<ArgumentException>(
            () => inAllTopics ? Client.SendToKeyAsync("ann", large) : Client.SendAsync("lobby", "ann", large));
        Assert.StartsWith(
            "The message has 1048578 bytes; the limit is 1048576 bytes (Presence:Client:MaxMessageBytes).",
            error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Presences_with_large_metadata_are_tracked_in_calls_of_at_most_a_megabyte()
    {
        var bytes = new ConcurrentQueue<int>();
        _faults.FailsWith = c =>
        {
            if (c.MethodName == "TrackMany" && c.Request.GetArgument(0) is IReadOnlyList<TrackRequest> requests)
            {
                bytes.Enqueue(requests.Sum(r => r.Meta.Length));
            }

            return null;
        };
        var large = MetaOf(60_000);
        var tracked = await Client.TrackManyAsync(
            [.. Enumerable.Range(0, 50).Select(i => new TrackRequest("lobby", $"k{i:D2}", large))]);
        Assert.All(bytes, size => Assert.InRange(size, 1, 1024 * 1024));
        Assert.InRange(bytes.Count, 3, 4);
        var listed = await Client.PageAsync("lobby", null, 100);
        Assert.Equal(tracked.Select(t => t.Key), listed.Presences.Select(p => p.Key));
    }

    private static PresenceMeta MetaOf(int characters) =>
        PresenceMeta.Parse($$"""{"a":"{{new string('a', characters)}}"}""");

    private Task<KeyLease> PutAsync(LeaseId id, PresenceMeta meta = default) =>
        _cluster.Orleans.Client.ServiceProvider.GetRequiredService<IPresenceLeases>()
            .PutAsync(id, meta, TimeSpan.FromSeconds(30), default);

    /// <summary>Returns the exception of a call that sends nothing.</summary>
    private async Task<T> RejectionAsync<T>(Func<Task> call)
        where T : Exception
    {
        _faults.Calls.Clear();
        var error = await Assert.ThrowsAsync<T>(call);
        Assert.DoesNotContain(_faults.Calls, c => c.Target is "presence-topic" or "presence-key");
        return error;
    }
}
