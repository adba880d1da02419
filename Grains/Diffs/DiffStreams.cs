using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
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
    IOptions<PresenceOrleansOptions> options,
    TimeProvider time,
    ILogger<DiffStreams> logger) : IPresenceHandler, IAsyncDisposable
{
    private const int TopicsAtOnce = 1000;
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, TopicFeed> _feeds = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private volatile SiloAddress[] _active = [];
    private readonly RecentlyEmptied _emptied = new();
    private readonly HashSet<string> _wereEmpty = new(StringComparer.Ordinal);
    private IAsyncDisposable? _handling;
    private ITimer? _sweeper;
    private Task _following = Task.CompletedTask;
    private int _disposed;

    /// <summary>Topics this silo speaks for now.</summary>
    public int Count => _feeds.Count;

    public async Task StartAsync(CancellationToken cancellation)
    {
        _active = ActiveIn(membership.CurrentSnapshot);
        _handling = await node.Tracker.AddHandlerAsync(this, cancellation);
        using (ExecutionContext.SuppressFlow())
        {
            _following = Task.Run(FollowAsync, CancellationToken.None);
            _sweeper = time.CreateTimer(static streams => ((DiffStreams)streams!).Sweep(), this, SweepPeriod, SweepPeriod);
        }
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

        _stop.Dispose();
    }

    private static SiloAddress[] ActiveIn(ClusterMembershipSnapshot snapshot) =>
        [.. snapshot.Members.Values.Where(m => m.Status == SiloStatus.Active).Select(m => m.SiloAddress)];

    private bool IsHome(string topic) => silo.SiloAddress.Equals(TopicHome.Of(topic, _active));

    private bool Begin(string topic)
    {
        if (_stop.IsCancellationRequested || _feeds.ContainsKey(topic) || !IsHome(topic))
        {
            return false;
        }

        var target = new FeedTarget(
            grains.GetGrain<IHandleDiffGrain>(topic).HandleDiff,
            () => Failed(topic),
            options.Value.ObserverBacklog,
            options.Value.ObserverTimeout);
        var feed = new TopicFeed(node, topic, target, time);
        if (!_feeds.TryAdd(topic, feed))
        {
            return false;
        }

        feed.Start(tellSnapshot: true);
        return true;
    }

    /// <summary>Ends the feeds of topics that were empty at two sweeps in a row.</summary>
    private void Sweep()
    {
        var empty = _feeds.Keys.Where(t => node.Tracker.Count(t) == 0).ToList();
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
            var active = ActiveIn(snapshot);
            if (active.ToHashSet().SetEquals(_active))
            {
                continue;
            }

            _active = active;
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
}
