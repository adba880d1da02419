using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;
using Presence.Grains.Cluster;
using Presence.Grains.Transport;
using Presence.Grains.Placement;

namespace Presence.Grains;

/// <summary>See <see cref="IPresenceShardGrain"/>. Stateless: passes all to the silo's cluster transport.</summary>
/// <remarks>
/// Reentrant, so that a probe does not wait for another one. Order is kept: the stream and each sender's calls have one
/// batch in flight, and a batch is delivered without waiting.
/// </remarks>
[PresenceGrainType("presence-shard")]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[KeepAlive]
[Reentrant]
[DeltaSubscription]
internal sealed class PresenceShardGrain(OrleansTransport transport, ILocalSiloDetails silo)
    : Grain, IPresenceShardGrain, IStreamSubscriptionObserver, IAsyncObserver<DeltaBatch>
{
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The placement director ensures this too, but a silo may use a stale cache.
        return ShardKey.TryParse(this.GetPrimaryKeyString(), out var key) && key.Value.Silo.Equals(silo.SiloAddress)
            ? Task.CompletedTask
            : throw new WrongSiloException(
                $"Shard grain {this.GetPrimaryKeyString()} was activated on silo {silo.SiloAddress}.");
    }

    public Task Deliver(DeltaBatch batch)
    {
        transport.Deliver(batch);
        return Task.CompletedTask;
    }

    public Task<bool> Request(DeltaBatch batch) => transport.RequestAsync(batch);

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) =>
        handleFactory.Create<DeltaBatch>().ResumeAsync(this);

    public Task OnNextAsync(DeltaBatch item, StreamSequenceToken? token = null) => Deliver(item);

    public Task OnErrorAsync(Exception ex)
    {
        transport.StreamFailed(ex);
        return Task.CompletedTask;
    }
}
