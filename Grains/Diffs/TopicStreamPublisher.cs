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

/// <summary>Publishes the streams <c>presence.diffs</c> of followed topics whose publisher this silo is.</summary>
/// <remarks>
/// <para>All nodes know which topics' streams have subscribers ("followed"): a subscriber calls the publisher silo,
/// which sends the topic to the other nodes. A topic without followers costs nothing, and a new publisher knows what to
/// publish.</para>
/// <para>While silos disagree about the nodes, two may publish a topic; each event carries its publisher and term. A
/// publisher whose stream fails is replaced after <see cref="RetryDelay"/> and begins with a reset, so that changes are
/// delayed but not lost.</para>
/// </remarks>
internal sealed partial class TopicStreamPublisher : IPresenceHandler, IAsyncDisposable
{
    private const int MaxChecksPerSweep = 60;
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ManifestTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Two default sampling periods: a gap is requested in the first, and again in the second.</summary>
    private static readonly TimeSpan MaxGap = TimeSpan.FromSeconds(6);

    private readonly IPresenceNode _node;
    private readonly PresenceSilos _silos;
    private readonly SiloAddress _self;
    private readonly string _selfAddress;
    private readonly IClusterClient _client;
    private readonly TopicChangePumps _pumps;
    private readonly ReplicaClocks _clocks;
    private readonly ImplicitSubscribers _implicit;
    private readonly IStreamSubscriptionManager _subscriptions;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ContiguousPrefixTracker _prefixes;
    private readonly PagedLists _lists;
    private readonly Meter _meter;
    private readonly FollowedTopics _followed;
    private readonly ConcurrentDictionary<string, bool> _requested = new(StringComparer.Ordinal);
    private readonly HashSet<string> _unfollowed = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private volatile SiloAddress[]? _publishers;
    private volatile PresenceSilosSnapshot _seen = PresenceSilosSnapshot.Empty;
    private IAsyncDisposable? _handling;
    private ITimer? _sweeper;
    private long _starts;
    private long _version = 1;
    private int _disposed;

    public TopicStreamPublisher(
        IPresenceNode node,
        PresenceSilos silos,
        ILocalSiloDetails silo,
        IClusterClient client,
        TopicChangePumps pumps,
        FollowedTopics followed,
        ReplicaClocks clocks,
        PagedLists lists,
        ImplicitSubscribers implicitSubscribers,
        IStreamSubscriptionManagerAdmin subscriptions,
        IOptions<PresenceOrleansOptions> options,
        TimeProvider time,
        ILogger<TopicStreamPublisher> logger,
        IMeterFactory? meters = null)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        (_node, _silos, _self, _client, _pumps, _clocks) = (node, silos, silo.SiloAddress, client, pumps, clocks);
        (_implicit, _lists) = (implicitSubscribers, lists);
        (_followed, _options, _time, _logger) = (followed, options.Value, time, logger);
        _selfAddress = _self.ToParsableString();
        _subscriptions = subscriptions.GetStreamSubscriptionManager(
            StreamSubscriptionManagerType.ExplicitSubscribeOnly);
        _prefixes = new ContiguousPrefixTracker(node.Tracker.ShardOf);
    }

    public async Task StartAsync(CancellationToken cancellation)
    {
        _meter.CreateObservableCounter(
            "presence.stream.skipped_gaps",
            () => _prefixes.SkippedTimes,
            "{change}",
            "Changes published in spite of a gap");
        _meter.CreateObservableGauge(
            "presence.stream.topics", () => _followed.Count, "{topic}", "Topics whose streams have subscribers");
        _pumps.PublisherFailed = Failed;

        // Without the manifests of the other silos it would publish every topic.
        await _silos.KnownAsync(ManifestTimeout, _time, cancellation);
        _silos.Changed += OnSilosChanged;
        OnSilosChanged(_silos.Current);
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = _time.CreateTimer(_ => _ = SweepAsync(), null, SweepPeriod, SweepPeriod);
        }

        AddFollowed(await _followed.FetchAsync(cancellation));
        if (_implicit.Exist())
        {
            // Grains that subscribe by their type follow every topic.
            _handling = await _node.Tracker.AddHandlerAsync(this, cancellation);
        }
    }

    /// <summary>Returns the publisher silo of a topic according to this silo's current view.</summary>
    /// <exception cref="TopicPublisherMovedException">There is none, or streams are turned off here.</exception>
    public SiloAddress PublisherSiloOf(string topic) =>
        (_publishers is { } publishers ? PublisherSilo.Of(topic, publishers) : null)
        ?? throw new TopicPublisherMovedException($"No silo publishes topic '{topic}', or streams are turned off.");

    /// <summary>Returns the position of a topic's stream; the first call starts publishing.</summary>
    /// <exception cref="TopicPublisherMovedException">This silo does not publish the topic.</exception>
    /// <exception cref="PresenceOverloadException">The maximum number of topics is followed.</exception>
    public StreamPosition GetPosition(string topic) => PositionOf(PublisherOf(topic));

    /// <summary>Returns the position of a topic's stream, or null where <see cref="GetPosition"/> throws.</summary>
    public StreamPosition? FindPosition(string topic) =>
        FindPublisher(topic) is { } publisher ? PositionOf(publisher) : null;

    /// <summary>
    /// Gets a number that is changed after each change of a position. It is never 0, and of use with this silo's
    /// address only.
    /// </summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Returns a reset with the current presences, or with what the holder of the cursor has missed.</summary>
    /// <inheritdoc cref="GetPosition" path="/exception"/>
    public TopicChanges GetSnapshot(string topic, string? cursor) => PublisherOf(topic).Reset(cursor);

    /// <summary>Returns the topics that have subscribers.</summary>
    public IReadOnlyList<string> Followed() => _followed.All();

    public void AddFollowed(IReadOnlyList<string> topics)
    {
        foreach (var topic in topics.Where(_followed.TryAdd))
        {
            PublishIfPublisher(topic);
        }
    }

    public void RemoveFollowed(IReadOnlyList<string> topics)
    {
        foreach (var topic in topics.Where(_followed.TryRemove))
        {
            StopPublishing(topic);
        }
    }

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        foreach (var topic in diff.Topics)
        {
            if (!_followed.IsFull && _followed.TryAdd(topic.Topic))
            {
                PublishIfPublisher(topic.Topic);
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

    private bool IsPublisher(string topic) =>
        _publishers is { } publishers && _self.Equals(PublisherSilo.Of(topic, publishers));

    private StreamPosition PositionOf(TopicPublisher publisher) =>
        new(_selfAddress, publisher.Term, publisher.Published);

    private TopicPublisher PublisherOf(string topic) => FindPublisher(topic)
        ?? throw (IsPublisher(topic) && !_followed.Contains(topic)
            ? _followed.CreateOverloadError()
            : new TopicPublisherMovedException($"Silo {_self} does not publish topic '{topic}'."));

    /// <summary>Returns the publisher of a topic, which publishes from now on; null if this silo cannot.</summary>
    private TopicPublisher? FindPublisher(string topic)
    {
        if (!IsPublisher(topic) || !_followed.TryFollow(topic, out var isNew))
        {
            return null;
        }

        PublishIfPublisher(topic);
        if (isNew)
        {
            _followed.Announce([topic]);
        }

        _requested[topic] = true;
        return _pumps.PublisherOf(topic);
    }

    private void PublishIfPublisher(string topic)
    {
        if (!IsPublisher(topic))
        {
            return;
        }

        var isNew = _pumps.Publish(topic, pump => new TopicPublisher(
            topic,
            _node.Name,
            _selfAddress,
            TermOf(_seen, Interlocked.Increment(ref _starts)),
            changes => StreamOf(topic).OnNextAsync(changes),
            pump.Refresh,
            pump.Missed,
            _clocks.Known,
            _prefixes,
            _lists,
            _options,
            MaxGap,
            _time,
            () => Failed(topic))
        {
            Advanced = Advance,
        });
        if (isNew)
        {
            Advance();
        }

        // The nodes may have changed after the first check, before OnSilosChanged could see this publisher.
        if (!IsPublisher(topic))
        {
            StopPublishing(topic);
        }
    }

    private void StopPublishing(string topic)
    {
        _pumps.StopPublishing(topic);
        Advance();
    }

    private void Advance() => Interlocked.Increment(ref _version);

    private void StopPublishing(Func<string, bool> condition)
    {
        foreach (var topic in _pumps.Published().Where(condition))
        {
            StopPublishing(topic);
        }
    }

    private IAsyncStream<TopicChanges> StreamOf(string topic) =>
        _client.GetStreamProvider(PresenceStreams.Queues).GetStream<TopicChanges>(PresenceStreams.Diffs(topic));

    /// <summary>
    /// Returns a term that grows with the membership version, then the number of known nodes (manifests are only
    /// added), then each start on one silo. Of two publishers, the one that knows more nodes wins.
    /// </summary>
    private static long TermOf(PresenceSilosSnapshot silos, long start) =>
        (silos.Version << 32) + ((long)Math.Min(silos.Active.Length, 0xFFF) << 20) + (start & 0xFFFFF);

    private void OnSilosChanged(PresenceSilosSnapshot silos)
    {
        var newcomers = silos.Active.Except(_seen.Active).Where(s => !s.Equals(_self)).ToList();
        var before = _publishers;

        // A silo that died before its manifest arrived may have published meanwhile, under a higher term than this one.
        var vanished = _seen.Unknown.Keys.Where(s => !silos.Unknown.ContainsKey(s) && _silos.IsDead(s)).ToList();
        _seen = silos;
        _publishers = silos.Active;
        if (_stop.IsCancellationRequested)
        {
            _publishers = null;
            return;
        }

        bool IsStale(string topic) => !IsPublisher(topic)
            || vanished.Exists(s => s.Equals(PublisherSilo.Of(topic, [_self, s])));
        StopPublishing(IsStale);
        foreach (var topic in _followed.All())
        {
            PublishIfPublisher(topic);
        }

        // The previous publisher silo of each topic sends it, so that a new node receives it once.
        if (newcomers.Count > 0 && before is not null)
        {
            _followed.Announce([.. _followed.All().Where(t => _self.Equals(PublisherSilo.Of(t, before)))], newcomers);
        }
    }

    /// <summary>Resends the published topics to other nodes; ends those without subscribers in two sweeps.</summary>
    internal async Task SweepAsync()
    {
        try
        {
            var published = _pumps.Published().ToList();
            _followed.Announce(published);
            var candidates = _implicit.Exist()
                ? []
                : published.Where(t => !_requested.ContainsKey(t)).Take(MaxChecksPerSweep).ToList();
            _requested.Clear();
            var ended = new List<string>();
            foreach (var topic in candidates)
            {
                var subscribers = await _subscriptions.GetSubscriptions(
                    PresenceStreams.Queues, PresenceStreams.Diffs(topic));
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

            // A subscriber that arrived during the checks has requested the position since.
            ended.RemoveAll(_requested.ContainsKey);
            if (ended.Count > 0)
            {
                RemoveFollowed(ended);
                _followed.AnnounceEnd(ended);
            }

            _followed.RemoveStale(IsPublisher);
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

        StopPublishing(topic);
        if (_followed.Contains(topic))
        {
            PublishIfPublisher(topic);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Publishing the stream of topic {Topic} failed; sending a reset.")]
    private static partial void LogFailed(ILogger logger, string topic);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Checking the stream subscribers of topics failed; retrying.")]
    private static partial void LogNotSwept(ILogger logger, Exception error);
}
