using System.Diagnostics;

namespace Presence.Grains.Tests.Cluster;

/// <summary>A client with <c>AddPresence</c> in a cluster none of whose silos called it.</summary>
[Trait("Category", "Orleans")]
public sealed class NoPresenceTests
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("observer", true)]
    [InlineData("observer", false)]
    [InlineData("stream", true)]
    [InlineData("stream", false)]
    [InlineData("track", true)]
    [InlineData("track", false)]
    [InlineData("track many", true)]
    [InlineData("count", true)]
    [InlineData("evict", true)]
    public async Task Call_fails_within_the_call_timeout_and_names_AddPresence(string method, bool hasAssembly)
    {
        await using var cluster = await StartAsync(hasAssembly);
        var client = cluster.Client.ServiceProvider.GetRequiredService<IPresenceClient>();
        var began = Stopwatch.GetTimestamp();
        Func<Task> call = () => method switch
        {
            "observer" => client.SubscribeAsync("lobby", _ => default),
            "stream" => client.SubscribeAsync("lobby", _ => default, SubscriptionKind.Stream),
            "track" => client.TrackAsync("lobby", "ann"),
            "track many" => client.TrackManyAsync([new("lobby", "ann")]),
            "evict" => client.EvictAsync("lobby", "ann"),
            _ => client.CountAsync("lobby"),
        };
        var error = await Assert.ThrowsAnyAsync<Exception>(call);
        Assert.True(Stopwatch.GetElapsedTime(began) < 2 * CallTimeout, $"{Stopwatch.GetElapsedTime(began)}: {error}");
        Assert.Contains("AddPresence", error.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(error);
    }

    private static async Task<InProcessTestCluster> StartAsync(bool hasAssembly)
    {
        var builder = new InProcessTestClusterBuilder(1);
        if (!hasAssembly)
        {
            builder.ConfigureSilo((_, silo) => silo.Services.PostConfigure<GrainTypeOptions>(types =>
            {
                types.Classes.RemoveWhere(IsOfPresence);
                types.Interfaces.RemoveWhere(IsOfPresence);
            }));
        }

        builder.ConfigureClient(client => client.AddPresence(o => o.CallTimeout = CallTimeout));
        var cluster = builder.Build();
        await cluster.DeployAsync();
        return cluster;
    }

    private static bool IsOfPresence(Type type) =>
        type.Namespace?.StartsWith("Presence.", StringComparison.Ordinal) == true;
}
