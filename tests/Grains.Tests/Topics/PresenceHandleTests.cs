using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Topics;

/// <summary>Where the calls with a handle go.</summary>
[Trait("Category", "Orleans")]
public sealed class PresenceHandleTests
{
    [Fact]
    public async Task Handle_of_the_callers_silo_takes_no_call_between_grains()
    {
        var calls = new CallFaults();
        await using var cluster = await GrainCluster.StartAsync(
            2, configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(calls));
        var (here, there) = (TopicOn(0), TopicOn(1));
        var handle = await here.Track("ann");
        handle = await here.Update(handle, PresenceMeta.Parse("""{"n":1}"""));
        Assert.Equal(handle.Ref, Assert.Single(await here.GetByKey("ann")).Ref);
        Assert.True(await here.Untrack(handle));
        Assert.False(await here.Untrack(handle));
        await Assert.ThrowsAsync<NotTrackedException>(() => here.Update(handle, PresenceMeta.Empty));
        Assert.Empty(CallsOfSilos());

        handle = await there.Track("bob");
        handle = await here.Update(handle, PresenceMeta.Parse("""{"n":2}"""));
        Assert.Equal(handle.Ref, Assert.Single(await there.GetByKey("bob")).Ref);
        Assert.True(await here.Untrack(handle));
        Assert.Equal(["Update", "Untrack"], CallsOfSilos());

        ITopicPresenceGrain TopicOn(int silo) => cluster.ServiceOf<IGrainFactory>(cluster.Orleans.Silos[silo])
            .GetGrain<ITopicPresenceGrain>("lobby");

        IEnumerable<string> CallsOfSilos() => calls.Calls
            .Where(c => c is { Target: "presence-pinned-silo", Method: "Update" or "Untrack" }).Select(c => c.Method);
    }
}
