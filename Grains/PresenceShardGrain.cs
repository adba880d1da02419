using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;
using Presence.Grains.Cluster;
using Presence.Grains.Link;
using Presence.Grains.Placement;

namespace Presence.Grains;

/// <summary>See <see cref="IPresenceShardGrain"/>. Holds nothing: it hands everything to its silo's link.</summary>
/// <remarks>
/// Reentrant, so that a probe is answered while another waits for a shard. Order is kept all the same: the stream and
/// each sender's calls have one batch in flight, and a batch is handed over without waiting.
/// </remarks>
[PresenceGrainType("presence-shard")]
[PinnedToSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[KeepAlive]
[Reentrant]
[DeltaSubscription]
internal sealed class PresenceShardGrain(OrleansLink link, ILocalSiloDetails silo)
    : Grain, IPresenceShardGrain, IStreamSubscriptionObserver, IAsyncObserver<DeltaBatch>
{
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The director has seen to it already; a stale cache on some silo must not be able to undo it.
        return ShardKey.TryParse(this.GetPrimaryKeyString(), out var key) && key.Value.Silo.Equals(silo.SiloAddress)
            ? Task.CompletedTask
            : throw new WrongSiloException(
                $"Shard grain {this.GetPrimaryKeyString()} does not belong on silo {silo.SiloAddress}.");
    }

    public Task Deliver(DeltaBatch batch)
    {
        link.Deliver(batch);
        return Task.CompletedTask;
    }

    public Task<bool> Ask(DeltaBatch batch) => link.AnswerAsync(batch);

    public Task OnSubscribed(IStreamSubscriptionHandleFactory handleFactory) =>
        handleFactory.Create<DeltaBatch>().ResumeAsync(this);

    public Task OnNextAsync(DeltaBatch item, StreamSequenceToken? token = null) => Deliver(item);

    public Task OnErrorAsync(Exception ex)
    {
        link.StreamFailed(ex);
        return Task.CompletedTask;
    }
}
