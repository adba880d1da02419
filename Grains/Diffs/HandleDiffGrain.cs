using Orleans.Concurrency;
using Orleans.Streams;

namespace Presence.Grains.Diffs;

/// <summary>See <see cref="IHandleDiffGrain"/>.</summary>
[GrainType("presence-handle-diff")]
[StatelessWorker(1)]
internal sealed class HandleDiffGrain : Grain, IHandleDiffGrain
{
    private IAsyncStream<TopicChanges>? _stream;

    public Task HandleDiff(TopicChanges changes)
    {
        _stream ??= this.GetStreamProvider(PresenceStreams.Provider)
            .GetStream<TopicChanges>(PresenceStreams.Diffs(this.GetPrimaryKeyString()));
        return _stream.OnNextAsync(changes);
    }
}
