using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Topics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>
/// Speaks on the streams <c>presence.diffs</c> of those topics whose home this silo is: a feed per topic, which begins with
/// a reset and ends when the home moves or the topic has been empty for a while.
/// </summary>
/// <remarks>
/// While silos disagree about who is a member, two may speak for a topic; each event says who published it. A feed whose
/// stream fails is begun anew after <see cref="Retry"/>: nothing is lost, it is only told later. A memory stream loses
/// what is under way when a silo goes (seen in two of six stops), and the reset of a new home is under way just
/// then; so it is told once more when things have had time to <see cref="Settle"/>.
/// </remarks>
internal sealed partial class DiffStreams(
    IPresenceNode node,
    IClusterMembershipService membership,
    ILocalSiloDetails silo,
    IGrainFactory grains,
    Knowledge knowledge,
    IOptions<PresenceOrleansOptions> options,
    TimeProvider time,
    ILogger<DiffStreams> logger) : IPresenceHandler, IAsyncDisposable
{
    private const int TopicsAtOnce = 1000;
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Two sampling periods of the default options: a gap is asked for within one, and once more within the other if the answer was lost.
    /// </summary>
    private static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(6);

    private readonly Contiguity _contiguity = new(knowledge.Of, node.Tracker.ShardOf, time);
    private readonly Meter _meter = new("Presence.Grains");
    private readonly ConcurrentDictionary<string, TopicFeed> _feeds = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, bool> _asked = new(StringComparer.Ordinal);
    private volatile ActiveSilos _silos = new(0, []);
    private readonly RecentlyEmptied _emptied = new();
    private readonly HashSet<string> _wereEmpty = new(StringComparer.Ordinal);
    private IAsyncDisposable? _handling;
    private ITimer? _sweeper;
    private Task _following = Task.CompletedTask;
    private long _begun;
    private int _disposed;

    /// <summary>Topics this silo speaks for now.</summary>
    public int Count => _feeds.Count;

    public async Task StartAsync(CancellationToken cancellation)
    {
        _meter.CreateObservableCounter(
            "presence.diffs.gaps.waived", () => _contiguity.WaivedTimes, "{change}", "Changes told on a stream before those that a gap hid");
        _silos = ActiveSilos.In(membership.CurrentSnapshot);
        _handling = await node.Tracker.AddHandlerAsync(this, cancellation);
        using (ExecutionContext.SuppressFlow())
        {
            _following = Task.Run(FollowAsync, CancellationToken.None);
            _sweeper = time.CreateTimer(static streams => ((DiffStreams)streams!).Sweep(), this, SweepPeriod, SweepPeriod);
        }
    }

    /// <summary>The silo that speaks for a topic, as this one sees it now.</summary>
    /// <exception cref="TopicHomeMovedException">There is none, or this silo does not follow the members.</exception>
    public SiloAddress HomeOf(string topic) =>
        TopicHome.Of(topic, _silos.Addresses)
        ?? throw new TopicHomeMovedException($"No silo speaks for topic '{topic}' now; are the diff streams turned off?");

    /// <summary>How far the stream of a topic has come; begins it if nobody is present.</summary>
    /// <exception cref="TopicHomeMovedException">This silo is not its home.</exception>
    public TopicPosition Position(string topic)
    {
        var feed = FeedOf(topic);
        return new(silo.SiloAddress.ToParsableString(), feed.Term, feed.Told);
    }

    /// <summary>Everybody present, as of the position.</summary>
    /// <exception cref="TopicHomeMovedException">This silo is not its home.</exception>
    public TopicChanges CatchUp(string topic)
    {
        // In this order: what is told and known may be less than what the list holds, never more. And whoever is not covered
        // now was not told yet, so a batch after this one will do it.
        var feed = FeedOf(topic);
        var told = feed.Told;
        var reach = _contiguity.Of(topic);
        return feed.Reset(told, node.Tracker.List(topic), reach);
    }

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        foreach (var topic in diff.Topics)
        {
            if (node.Tracker.Count(topic.Topic) == 0)
            {
                _emptied.Add(topic.Topic);
            }

            Begin(topic.Topic);
        }

        return default;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        await _stop.CancelAsync();
        if (_sweeper is not null)
        {
            await _sweeper.DisposeAsync();
        }

        if (_handling is not null)
        {
            await _handling.DisposeAsync();
        }

        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var topic in _feeds.Keys)
        {
            End(topic);
        }

        _meter.Dispose();
        _stop.Dispose();
    }

    private bool IsHome(string topic) => IsHome(topic, _silos);

    private bool IsHome(string topic, ActiveSilos silos) =>
        silo.SiloAddress.Equals(TopicHome.Of(topic, silos.Addresses));

    private TopicFeed FeedOf(string topic)
    {
        Begin(topic);
        _asked[topic] = true;
        return _feeds.TryGetValue(topic, out var feed)
            ? feed
            : throw new TopicHomeMovedException($"Silo {silo.SiloAddress} is not the home of topic '{topic}'.");
    }

    private bool Begin(string topic)
    {
        var silos = _silos;
        if (_stop.IsCancellationRequested || _feeds.ContainsKey(topic) || !IsHome(topic, silos))
        {
            return false;
        }

        var target = new FeedTarget(
            grains.GetGrain<IHandleDiffGrain>(topic).HandleDiff,
            () => Failed(topic),
            options.Value.ObserverBacklog,
            options.Value.ObserverTimeout,
            silo.SiloAddress.ToParsableString(),
            silos.Term(Interlocked.Increment(ref _begun)),
            Gather,
            new DotOrder(topic, _contiguity, time, LongestGap, options.Value.ObserverBacklog));
        var feed = new TopicFeed(node, topic, target, time);
        if (!_feeds.TryAdd(topic, feed))
        {
            return false;
        }

        feed.Start(_contiguity.Of(topic));
        return true;
    }

    /// <summary>Ends the feeds of topics that were empty at two sweeps in a row.</summary>
    private void Sweep()
    {
        var empty = _feeds.Keys.Where(t => node.Tracker.Count(t) == 0 && !_asked.ContainsKey(t)).ToList();
        _asked.Clear();
        foreach (var topic in empty.Where(_wereEmpty.Contains))
        {
            End(topic);
            if (node.Tracker.Count(topic) > 0)
            {
                // Somebody came between the look and the end, and may have found the old feed still there.
                Begin(topic);
            }
        }

        _emptied.Age();
        _wereEmpty.Clear();
        _wereEmpty.UnionWith(empty);
    }

    private void End(string topic)
    {
        if (_feeds.TryRemove(topic, out var feed))
        {
            feed.Dispose();
        }
    }

    private void Failed(string topic)
    {
        LogFailed(logger, topic);
        _ = BeginAgainAsync([topic], Retry);
    }

    private async Task BeginAgainAsync(IReadOnlyList<string> topics, TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, time, _stop.Token);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        foreach (var topic in topics)
        {
            End(topic);
            Begin(topic);
        }
    }

    private async Task FollowAsync()
    {
        await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(_stop.Token))
        {
            var now = ActiveSilos.In(snapshot);
            if (now.Addresses.ToHashSet().SetEquals(_silos.Addresses))
            {
                continue;
            }

            _silos = now;
            foreach (var topic in _feeds.Keys.Where(t => !IsHome(t)))
            {
                End(topic);
            }

            _ = BeginAgainAsync(BeginAll(), Settle);
        }
    }

    private List<string> BeginAll()
    {
        var begun = new List<string>();
        string? after = null;
        do
        {
            var topics = node.Tracker.Topics(after, TopicsAtOnce);
            foreach (var topic in topics)
            {
                if (Begin(topic.Topic))
                {
                    begun.Add(topic.Topic);
                }
            }

            after = topics.Count == TopicsAtOnce ? topics[^1].Topic : null;
        }
        while (after is not null);

        // The old home may not have lived to tell that these are empty.
        begun.AddRange(_emptied.Topics().Where(Begin));
        return begun;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The stream of topic {Topic} failed; it begins anew with a reset.")]
    private static partial void LogFailed(ILogger logger, string topic);

    /// <summary>The silos among which topics have their homes, since a version of the membership.</summary>
    private sealed record ActiveSilos(long Version, SiloAddress[] Addresses)
    {
        public static ActiveSilos In(ClusterMembershipSnapshot snapshot) => new(
            snapshot.Version.Value,
            [.. snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress)]);

        /// <summary>
        /// Versions are the same on all silos and only grow, and in each a topic has one home; within a version the home
        /// counts.
        /// </summary>
        public long Term(long begun) => (Version << 20) + (begun & 0xFFFFF);
    }
}
