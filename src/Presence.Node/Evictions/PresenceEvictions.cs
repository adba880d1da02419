using Presence.Node.Shards;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Shard;

namespace Presence.Node.Evictions;

/// <summary>Ends presences of any session: requests it from the owners until this node no longer lists them.</summary>
internal sealed class PresenceEvictions(IClusterTransport transport, TimeProvider time)
{
    /// <summary>Time after which an eviction fails whose owners do not answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Maximum number of owners with a request at the same time.</summary>
    private const int MaxRequests = 50;

    /// <exception cref="TimeoutException">Owners could not be reached; the message names them.</exception>
    public async Task<int> EvictAsync(
        PresenceTracker tracker, IReadOnlyList<PresenceEntry> evicted, CancellationToken cancellation)
    {
        var begun = time.GetTimestamp();
        while (true)
        {
            var left = evicted.Where(entry => Current(tracker, entry) is not null).ToArray();
            if (left.Length == 0)
            {
                return evicted.Count;
            }

            if (time.GetElapsedTime(begun) >= Timeout)
            {
                var owners = left.Select(e => Current(tracker, e)?.Owner.Node).OfType<string>().Distinct();
                throw new TimeoutException(
                    $"{left.Length} presences were not evicted: {string.Join(", ", owners)} did not answer in time.");
            }

            await Parallel.ForEachAsync(
                left,
                new ParallelOptions { MaxDegreeOfParallelism = MaxRequests, CancellationToken = cancellation },
                async (entry, stop) => await RequestAsync(tracker, entry, stop).ConfigureAwait(false))
                .ConfigureAwait(false);
            if (left.Any(entry => Current(tracker, entry) is not null))
            {
                // The owners' changes are on their way.
                await Task.Delay(PollInterval, time, cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends the presence of a frame here. Returns false if this is not its owner.</summary>
    public static async ValueTask<bool> ApplyAsync(PresenceTracker tracker, EvictionFrame frame)
    {
        var host = tracker.HostOf(frame.Topic);
        return await host.Execute<EvictCommand, bool>(new EvictCommand(frame), always: true).ConfigureAwait(false);
    }

    private static PresenceEntry? Current(PresenceTracker tracker, PresenceEntry entry) =>
        tracker.GetByKey(entry.Topic, entry.Key).FirstOrDefault(
            e => e.IsSamePresence(entry) && (e.Stamp is not null || e.CreatedSequence == entry.CreatedSequence));

    private async ValueTask RequestAsync(PresenceTracker tracker, PresenceEntry entry, CancellationToken cancellation)
    {
        if (Current(tracker, entry) is not { } current)
        {
            return;
        }

        var frame = EvictionFrame.Of(tracker.Name, current);
        if (current.Owner.Node == transport.NodeName)
        {
            await ApplyAsync(tracker, frame).ConfigureAwait(false);
            return;
        }

        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            var body = new ClusterFrame(PresenceOptions.EvictionChannel, 0, frame.Encode());
            var request = transport.RequestAsync(current.Owner.Node, body, either.Token).AsTask();
            await request.WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException && !cancellation.IsCancellationRequested)
        {
            // Requested again, until the timeout.
        }
    }

    private readonly struct EvictCommand(EvictionFrame frame) : IShardCommand<bool>
    {
        public bool Run(ShardHost host, TimeSpan now, ShardEffects effects) =>
            host.Shard.EntriesOf(frame.Process).Any(IsMeant)
                && host.Shard.Untrack(now, frame.Process, frame.Topic, frame.Key, effects, LeaveReason.Evicted);

        private bool IsMeant(PresenceEntry entry) => entry.Topic == frame.Topic
            && entry.Key == frame.Key
            && entry.CreatedSequence == frame.Created
            && entry.Owner.Incarnation == frame.Incarnation;
    }
}
