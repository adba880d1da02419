using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Diffs;

/// <summary>
/// The topics whose streams have subscribers, as this silo knows them, and the exchange of them with the other nodes. Every node
/// knows all of them, so that a new publisher of a topic knows that it has to publish.
/// </summary>
internal sealed partial class FollowedTopics(
    PresenceSilos silos,
    ILocalSiloDetails self,
    IClusterClient client,
    IOptions<PresenceOrleansOptions> options,
    TimeProvider time,
    ILogger<FollowedTopics> logger)
{
    private const int MaxTopicsPerCall = 1000;
    private const int MaxSilosAsked = 3;

    private readonly ConcurrentDictionary<string, bool> _topics = new(StringComparer.Ordinal);
    private readonly int _capacity = options.Value.MaxFollowedTopics;

    public int Count => _topics.Count;

    public bool IsFull => _topics.Count >= _capacity;

    public bool Contains(string topic) => _topics.ContainsKey(topic);

    public IReadOnlyList<string> All() => [.. _topics.Keys];

    public bool TryAdd(string topic) => _topics.TryAdd(topic, true);

    public bool TryRemove(string topic) => _topics.TryRemove(topic, out _);

    /// <summary>Adds a topic that somebody subscribes to; false if it was there.</summary>
    /// <exception cref="PresenceOverloadException">There are as many as may be.</exception>
    public bool Follow(string topic)
    {
        if (Contains(topic))
        {
            return false;
        }

        return IsFull
            ? throw new PresenceOverloadException(
                $"{_capacity} topics have stream subscribers (Presence:Orleans:MaxFollowedTopics); no more are accepted.")
            : TryAdd(topic);
    }

    /// <summary>Sends followed topics to other nodes. What does not arrive is sent again by the publisher's sweep.</summary>
    public void Announce(IReadOnlyList<string> topics, IEnumerable<SiloAddress>? to = null)
    {
        foreach (var silo in to ?? Others())
        {
            foreach (var part in topics.Chunk(MaxTopicsPerCall))
            {
                _ = CallAsync(silo, grain => grain.AddFollowed(part));
            }
        }
    }

    /// <summary>Sends topics that are no longer followed to the other nodes.</summary>
    public void AnnounceEnd(List<string> topics)
    {
        foreach (var silo in Others())
        {
            _ = CallAsync(silo, grain => grain.RemoveFollowed(topics));
        }
    }

    /// <summary>Asks one of the other nodes what is followed. What it does not know the publishers announce.</summary>
    public async Task<IReadOnlyList<string>> LearnAsync(CancellationToken cancellation)
    {
        foreach (var silo in Others().Take(MaxSilosAsked))
        {
            try
            {
                return await GrainOf(silo).Followed().WaitAsync(options.Value.CallTimeout, time, cancellation);
            }
            catch (Exception e) when (e is not OutOfMemoryException && !cancellation.IsCancellationRequested)
            {
                LogNotExchanged(logger, silo, e);
            }
        }

        return [];
    }

    private IEnumerable<SiloAddress> Others() => silos.Current.Active.Where(s => !s.Equals(self.SiloAddress));

    private IPresenceSiloGrain GrainOf(SiloAddress silo) => client.GetGrain<IPresenceSiloGrain>(silo.ToParsableString());

    private async Task CallAsync(SiloAddress silo, Func<IPresenceSiloGrain, Task> call)
    {
        try
        {
            await call(GrainOf(silo)).WaitAsync(options.Value.CallTimeout, time);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogNotExchanged(logger, silo, e);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Exchanging the followed topics with silo {Silo} failed; it is repeated.")]
    private static partial void LogNotExchanged(ILogger logger, SiloAddress silo, Exception error);
}
