namespace Presence.Grains.Tests.Client;

/// <summary>Input that no silo would accept is rejected by the client.</summary>
[Trait("Category", "Orleans")]
public sealed class LargeInputTests : IAsyncLifetime
{
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
