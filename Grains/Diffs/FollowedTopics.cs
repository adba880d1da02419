using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Diffs;

/// <summary>
/// The topics whose streams have subscribers ("followed"), exchanged between all nodes, so that a new publisher silo
/// knows what it has to publish.
/// </summary>
internal sealed partial class FollowedTopics(
    PresenceSilos silos,
    ILocalSiloDetails self,
    IClusterClient client,
    IOptions<PresenceOrleansOptions> options,
    TimeProvider time,
    ILogger<FollowedTopics> logger)
{
    private const int MaxSilosQueried = 3;

    /// <summary>Sweeps of this node in which a publisher may fail to announce its topic.</summary>
    private const int MaxMissedSweeps = 3;

    /// <summary>Each topic with the number of sweeps since its publisher announced it.</summary>
    private readonly ConcurrentDictionary<string, int> _topics = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<SiloAddress, FollowedTopicsSender> _senders = new();
    private readonly int _capacity = options.Value.MaxFollowedTopics;

    public int Count => _topics.Count;

    public bool IsFull => _topics.Count >= _capacity;

    public bool Contains(string topic) => _topics.ContainsKey(topic);

    public IReadOnlyList<string> All() => [.. _topics.Keys];

    public bool TryAdd(string topic)
    {
        if (_topics.TryAdd(topic, 0))
        {
            return true;
        }

        _topics[topic] = 0;
        return false;
    }

    public bool TryRemove(string topic) => _topics.TryRemove(topic, out _);

    /// <summary>Adds a topic with a subscriber; returns false if the maximum number of topics is reached.</summary>
    public bool TryFollow(string topic, out bool isNew)
    {
        var isKnown = Contains(topic);
        isNew = !isKnown && !IsFull && TryAdd(topic);
        return isKnown || isNew || Contains(topic);
    }

    /// <summary>Creates the error for a topic that <see cref="TryFollow"/> rejected.</summary>
    public PresenceOverloadException CreateOverloadError() => new(
        $"{_capacity} topics have stream subscribers (Presence:Orleans:MaxFollowedTopics), the maximum.");

    /// <summary>
    /// Removes topics of other publishers that were not announced for some sweeps: their end was lost.
    /// </summary>
    public void RemoveStale(Func<string, bool> isPublished)
    {
        foreach (var (topic, missed) in _topics)
        {
            if (isPublished(topic))
            {
                continue;
            }

            if (missed >= MaxMissedSweeps)
            {
                _topics.TryRemove(new(topic, missed));
            }
            else
            {
                _topics.TryUpdate(topic, missed + 1, missed);
            }
        }
    }

    /// <summary>Sends followed topics to other nodes. The publisher's sweep resends them.</summary>
    public void Announce(IReadOnlyList<string> topics, IEnumerable<SiloAddress>? to = null) =>
        Send(topics, true, to ?? Others());

    /// <summary>Sends topics that are no longer followed to the other nodes.</summary>
    public void AnnounceEnd(IReadOnlyList<string> topics) => Send(topics, false, Others());

    /// <summary>Requests the followed topics from another node. Publishers announce those that it lacks.</summary>
    public async Task<IReadOnlyList<string>> FetchAsync(CancellationToken cancellation)
    {
        foreach (var silo in Others().Take(MaxSilosQueried))
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

    private IPinnedSiloGrain GrainOf(SiloAddress silo) => client.GetGrain<IPinnedSiloGrain>(silo.ToParsableString());

    private void Send(IReadOnlyList<string> topics, bool areFollowed, IEnumerable<SiloAddress> to)
    {
        foreach (var gone in _senders.Keys.Except(silos.Current.Active))
        {
            _senders.TryRemove(gone, out _);
        }

        foreach (var silo in to)
        {
            _senders.GetOrAdd(silo, s => new FollowedTopicsSender((part, followed) => CallAsync(s, part, followed)))
                .Send(topics, areFollowed);
        }
    }

    private async Task CallAsync(SiloAddress silo, IReadOnlyList<string> topics, bool areFollowed)
    {
        try
        {
            var grain = GrainOf(silo);
            var call = areFollowed ? grain.AddFollowed(topics) : grain.RemoveFollowed(topics);
            await call.WaitAsync(options.Value.CallTimeout, time);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogNotExchanged(logger, silo, e);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Exchanging followed topics with silo {Silo} failed; retrying.")]
    private static partial void LogNotExchanged(ILogger logger, SiloAddress silo, Exception error);
}
