using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Orleans.Streams;
using Orleans.Streams.Core;
using Presence.Grains.Cluster;
using Presence.Grains.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Publishes the streams <c>presence.diffs</c> of those topics that have subscribers and whose publisher this silo is.
/// </summary>
/// <remarks>
/// <para>All nodes know which topics' streams have subscribers ("followed"): a subscriber calls the publisher, which sends the
/// topic to the other nodes. So a topic without followers costs nothing, and a new publisher knows what to publish.</para>
/// <para>While silos disagree about the nodes, two may publish a topic; each event names its publisher and its term. A publisher
/// whose stream fails is replaced after <see cref="RetryDelay"/> and begins with a reset: nothing is lost, it arrives later.</para>
/// </remarks>
internal sealed partial class DiffStreams : IPresenceHandler, IAsyncDisposable
{
    private const int MaxChecksPerSweep = 60;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ManifestTimeout = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Two sampling periods of the default options: a gap is asked for within one, and once more within the other if the answer
    /// was lost.
    /// </summary>
    private static readonly TimeSpan MaxGap = TimeSpan.FromSeconds(6);

    private readonly IPresenceNode _node;
    private readonly PresenceSilos _silos;
    private readonly SiloAddress _self;
    private readonly string _selfAddress;
    private readonly IClusterClient _client;
    private readonly TopicFeeds _feeds;
    private readonly ReplicaClocks _clocks;
    private readonly ImplicitSubscribers _implicit;
    private readonly IStreamSubscriptionManager _subscriptions;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly Meter _meter = new("Presence.Grains");
    private readonly FollowedTopics _followed;
    private readonly ConcurrentDictionary<string, bool> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unfollowed = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private volatile SiloAddress[]? _publishers;
    private volatile PresenceSilosSnapshot _seen = PresenceSilosSnapshot.Empty;
    private IAsyncDisposable? _handling;
    private ITimer? _sweeper;
    private long _begun;
    private int _disposed;

    public DiffStreams(
        IPresenceNode node,
        PresenceSilos silos,
        ILocalSiloDetails silo,
        IClusterClient client,
        TopicFeeds feeds,
        FollowedTopics followed,
        ReplicaClocks clocks,
        ImplicitSubscribers implicitSubscribers,
        IStreamSubscriptionManagerAdmin subscriptions,
        IOptions<PresenceOrleansOptions> options,
        TimeProvider time,
        ILogger<DiffStreams> logger)
    {
        (_node, _silos, _self, _client, _feeds, _clocks) = (node, silos, silo.SiloAddress, client, feeds, clocks);
        _implicit = implicitSubscribers;
        (_followed, _options, _time, _logger) = (followed, options.Value, time, logger);
        _selfAddress = _self.ToParsableString();
        _subscriptions = subscriptions.GetStreamSubscriptionManager(StreamSubscriptionManagerType.ExplicitSubscribeOnly);
        _prefixes = new ContiguousPrefixTracker(node.Tracker.ShardOf);
    }

    public async Task StartAsync(CancellationToken cancellation)
    {
        _meter.CreateObservableCounter(
            "presence.diffs.gaps.waived", () => _prefixes.SkippedTimes, "{change}", "Changes published in spite of a gap before them");
        _meter.CreateObservableGauge(
            "presence.diffs.followed", () => _followed.Count, "{topic}", "Topics whose streams have subscribers");
        _feeds.PublisherFailed = Failed;

        // Alone among silos whose manifests have not arrived it would publish every topic.
        await _silos.KnownAsync(ManifestTimeout, _time, cancellation);
        _silos.Changed += OnSilosChanged;
        OnSilosChanged(_silos.Current);
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = _time.CreateTimer(_ => _ = SweepAsync(), null, SweepPeriod, SweepPeriod);
        }

        AddFollowed(await _followed.LearnAsync(cancellation));
        if (_implicit.Exist())
        {
            // Grains that subscribe by their type follow every topic.
            _handling = await _node.Tracker.AddHandlerAsync(this, cancellation);
        }
    }

    /// <summary>Returns the silo that publishes a topic, as this one sees the nodes now.</summary>
    /// <exception cref="TopicHomeMovedException">There is none, or streams are turned off here.</exception>
    public SiloAddress HomeOf(string topic) =>
        (_publishers is { } publishers ? TopicHome.Of(topic, publishers) : null)
        ?? throw new TopicHomeMovedException($"No silo publishes topic '{topic}' now; are the diff streams turned off?");

    /// <summary>Returns how far the stream of a topic has come; begins it if this is the first call.</summary>
    /// <exception cref="TopicHomeMovedException">This silo does not publish the topic.</exception>
    /// <exception cref="PresenceOverloadException">Too many topics are followed.</exception>
    public TopicPosition Position(string topic)
    {
        var publisher = PublisherOf(topic);
        return new(_selfAddress, publisher.Term, publisher.Published);
    }

    /// <summary>Returns everybody present, as of the position.</summary>
    /// <inheritdoc cref="Position" path="/exception"/>
    public TopicChanges CatchUp(string topic) => PublisherOf(topic).Reset();

    /// <summary>Returns the topics that have subscribers.</summary>
    public IReadOnlyList<string> Followed() => _followed.All();

    public void AddFollowed(IReadOnlyList<string> topics)
    {
        foreach (var topic in topics.Where(_followed.TryAdd))
        {
            PublishIfHome(topic);
        }
    }

    public void RemoveFollowed(IReadOnlyList<string> topics)
    {
        foreach (var topic in topics.Where(_followed.TryRemove))
        {
            _feeds.StopPublishing(topic);
        }
    }

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        foreach (var topic in diff.Topics)
        {
            if (!_followed.IsFull && _followed.TryAdd(topic.Topic))
            {
                PublishIfHome(topic.Topic);
            }
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        _silos.Changed -= OnSilosChanged;
        _publishers = null;
        await _stop.CancelAsync();
        if (_sweeper is not null)
        {
            await _sweeper.DisposeAsync();
        }

        if (_handling is not null)
        {
            await _handling.DisposeAsync();
        }

        StopPublishing(_ => true);
        _meter.Dispose();
    }

    private bool IsHome(string topic) =>
        _publishers is { } publishers && _self.Equals(TopicHome.Of(topic, publishers));

    private TopicPublisher PublisherOf(string topic)
    {
        if (IsHome(topic))
        {
            Follow(topic);
            _asked[topic] = true;
            if (_feeds.PublisherOf(topic) is { } publisher)
            {
                return publisher;
            }
        }

        throw new TopicHomeMovedException($"Silo {_self} does not publish topic '{topic}'.");
    }

    private void Follow(string topic)
    {
        var isNew = _followed.Follow(topic);
        PublishIfHome(topic);
        if (isNew)
        {
            _followed.Announce([topic]);
        }
    }

    private void PublishIfHome(string topic)
    {
        if (!IsHome(topic))
        {
            return;
        }

        _feeds.Publish(topic, feed => new TopicPublisher(
            topic,
            _node.Name,
            _selfAddress,
            TermOf(_seen, Interlocked.Increment(ref _begun)),
            changes => StreamOf(topic).OnNextAsync(changes),
            feed.Refresh,
            _clocks.Known,
            _prefixes,
            _options,
            MaxGap,
            _time,
            () => Failed(topic)));

        // The nodes may have changed since the first look; whoever changed them did not see this publisher.
        if (!IsHome(topic))
        {
            _feeds.StopPublishing(topic);
        }
    }

    private void StopPublishing(Func<string, bool> condition)
    {
        foreach (var topic in _feeds.Published().Where(condition))
        {
            _feeds.StopPublishing(topic);
        }
    }

    private IAsyncStream<TopicChanges> StreamOf(string topic) =>
        _client.GetStreamProvider(PresenceStreams.Queues).GetStream<TopicChanges>(PresenceStreams.Diffs(topic));

    /// <summary>
    /// Terms grow: with each membership version, within a version with the number of nodes that are known (manifests only
    /// arrive), and on one silo with each beginning. Of two silos that publish a topic, the one that knows more wins.
    /// </summary>
    private static long TermOf(PresenceSilosSnapshot silos, long begun) =>
        (silos.Version << 32) + ((long)Math.Min(silos.Active.Length, 0xFFF) << 20) + (begun & 0xFFFFF);

    private void OnSilosChanged(PresenceSilosSnapshot silos)
    {
        var newcomers = silos.Active.Except(_seen.Active).Where(s => !s.Equals(_self)).ToList();
        var before = _publishers;

        // A silo that died before its manifest arrived here may have published meanwhile, with a higher term than this one.
        var vanished = _seen.Unknown.Keys.Where(s => !silos.Unknown.ContainsKey(s) && _silos.IsDead(s)).ToList();
        _seen = silos;
        _publishers = silos.Active;
        if (_stop.IsCancellationRequested)
        {
            _publishers = null;
            return;
        }

        bool IsStale(string topic) => !IsHome(topic) || vanished.Exists(s => s.Equals(TopicHome.Of(topic, [_self, s])));
        StopPublishing(IsStale);
        foreach (var topic in _followed.All())
        {
            PublishIfHome(topic);
        }

        // Each topic is sent by the silo that published it until now, so a new node receives it once.
        if (newcomers.Count > 0 && before is not null)
        {
            _followed.Announce([.. _followed.All().Where(t => _self.Equals(TopicHome.Of(t, before)))], newcomers);
        }
    }

    /// <summary>
    /// Sends what this silo publishes to the other nodes again, and stops what has had no subscriber at two sweeps in a row.
    /// </summary>
    internal async Task SweepAsync()
    {
        try
        {
            var published = _feeds.Published().ToList();
            _followed.Announce(published);
            var quiet = _implicit.Exist() ? [] : published.Where(t => !_asked.ContainsKey(t)).Take(MaxChecksPerSweep).ToList();
            _asked.Clear();
            var ended = new List<string>();
            foreach (var topic in quiet)
            {
                var subscribers = await _subscriptions.GetSubscriptions(PresenceStreams.Queues, PresenceStreams.Diffs(topic));
                if (subscribers.Any())
                {
                    _unfollowed.Remove(topic);
                }
                else if (!_unfollowed.Add(topic))
                {
                    _unfollowed.Remove(topic);
                    ended.Add(topic);
                }
            }

            // Who subscribed while this was checking has asked for the position since.
            ended.RemoveAll(_asked.ContainsKey);
            if (ended.Count > 0)
            {
                RemoveFollowed(ended);
                _followed.AnnounceEnd(ended);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            LogNotSwept(_logger, e);
        }
    }

    private void Failed(string topic)
    {
        LogFailed(_logger, topic);
        _ = PublishAgainAsync(topic);
    }

    private async Task PublishAgainAsync(string topic)
    {
        try
        {
            await Task.Delay(RetryDelay, _time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        _feeds.StopPublishing(topic);
        if (_followed.Contains(topic))
        {
            PublishIfHome(topic);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Publishing on the stream of topic {Topic} failed; it begins again with a reset.")]
    private static partial void LogFailed(ILogger logger, string topic);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Checking the subscribers of followed topics failed; it is repeated.")]
    private static partial void LogNotSwept(ILogger logger, Exception error);
}
