using Orleans;
using Orleans.Streams;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// Reads a topic through its Orleans stream. Asks the home silo once in a check period how far the stream has come, so that
/// a lost event, a lost subscription or a lost home is noticed even if nothing follows.
/// </summary>
internal sealed class StreamReader(
    PresenceClient client,
    string topic,
    Func<IReadOnlyList<PresenceChange>, ValueTask> handler)
    : TopicReader(client, topic, handler)
{
    private const int MostMissedInARow = 3;
    private static readonly TimeSpan UnderWay = TimeSpan.FromMilliseconds(250);

    private StreamSubscriptionHandle<TopicChanges>? _subscription;
    private TopicPosition? _expected;
    private int _missedInARow;
    private int _heard;

    protected override async Task<TopicChanges> OpenAsync(CancellationToken cancellation)
    {
        if (Interlocked.Exchange(ref _heard, 0) != 0)
        {
            _missedInARow = 0;
        }
        else if (_missedInARow++ >= MostMissedInARow)
        {
            // Nothing comes although there is something: the silo that kept the subscription may have died with it.
            _missedInARow = 0;
            await CloseAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _subscription ??= await Client.CallAsync(
            Client.Grains.GetStreamProvider(PresenceStreams.Provider)
                .GetStream<TopicChanges>(PresenceStreams.Diffs(Topic))
                .SubscribeAsync(OnNextAsync),
            cancellation);
        return await Client.CallAsync(Grain.CatchUp(), cancellation);
    }

    protected override async Task<bool> CheckAsync(CancellationToken cancellation)
    {
        if (_expected is { } expected)
        {
            _expected = null;
            if (!Has(expected))
            {
                return false;
            }
        }

        var position = await Client.CallAsync(Grain.Position(), cancellation);
        if (!Has(position))
        {
            // Perhaps it is only under way: look again when it must have come.
            _expected = position;
            CheckAfter(UnderWay);
        }

        return true;
    }

    protected override async Task CloseAsync()
    {
        if (_subscription is { } subscription)
        {
            _subscription = null;
            await subscription.UnsubscribeAsync().WaitAsync(Client.Options.CallTimeout, Client.Time);
        }
    }

    private Task OnNextAsync(TopicChanges changes, StreamSequenceToken? token)
    {
        Volatile.Write(ref _heard, 1);
        Post(changes);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Whether the reader has what was published up to a position. Not if it follows a publisher with a higher term: that one was
    /// replaced before the other silos had heard of it.
    /// </summary>
    private bool Has(TopicPosition position) => position.Term == At.Term && position.Sequence <= At.Sequence;
}
