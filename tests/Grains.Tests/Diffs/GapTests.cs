using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Grains.Client;
using Presence.Grains.Topics;
using Presence.Node.Hosting;
using Presence.Tracker.Shard;

namespace Presence.Grains.Tests.Diffs;

/// <summary>Two nodes in memory: one makes joins, the other publishes their topic and loses some frames.</summary>
public sealed class GapTests : IAsyncLifetime, IDisposable
{
    private const string Topic = "lobby";
    private static readonly TimeSpan NotInThisTest = TimeSpan.FromMinutes(5);

    private readonly InMemoryCluster _cluster = new();
    private readonly Awaited<string> _lost = new();
    private readonly Awaited<string> _applied = new();
    private readonly Awaited<TopicChanges> _published = new();
    private readonly TopicView _follower = new(new PresenceSet(Topic), TimeProvider.System, NotInThisTest);
    private readonly List<string> _received = [];
    private readonly ManualResetEventSlim _filled = new();
    private volatile string _cut = "";
    private volatile bool _fillsDuringRefresh;
    private PresenceNode _owner = null!;
    private PresenceNode _publisher = null!;
    private PresenceSession _session = null!;
    private readonly ContiguousPrefixTracker _prefixes = new(_ => 0);
    private TopicSubscription? _subscription;
    private TopicChangePump? _pump;

    public async Task InitializeAsync()
    {
        _cluster.Reaches = (from, _) =>
        {
            if (!_cut.Contains(from, StringComparison.Ordinal))
            {
                return true;
            }

            _lost.Add(from);
            return false;
        };
        _owner = await StartAsync("owner");
        _publisher = await StartAsync("publisher");
        _session = ((IPresenceNode)_owner).OpenSession();
        _subscription = Tracker(_publisher).Subscribe(Topic, diff =>
        {
            foreach (var change in diff.Changes)
            {
                _applied.Add(change.Entry.Key);
                if (change.Entry.Key == "k3")
                {
                    _filled.Set();
                }
            }
        });
    }

    public async Task DisposeAsync()
    {
        await _owner.StopAsync(default);
        await _publisher.StopAsync(default);
    }

    public void Dispose()
    {
        _pump?.End();
        _subscription?.Dispose();
        _filled.Dispose();
    }

    [Fact]
    public async Task Publisher_keeps_the_order_of_joins_after_a_loss_of_frames()
    {
        await JoinAsync("k1");
        await AppliedAsync("k1");
        StartPublisher();
        await DropAsync("k2", "k3");
        Assert.Equal(["k1", "k4"], _applied.All);
        _cut = "";
        await ReceivedAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _received);
        Assert.Equal(["k1", "k4"], _applied.All.Take(2));
    }

    [Fact]
    public async Task Joins_that_fill_a_gap_during_a_check_are_published_before_withheld_ones()
    {
        await JoinAsync("k1");
        await AppliedAsync("k1");
        StartPublisher();
        await DropAsync("k2", "k3");
        _fillsDuringRefresh = true;
        await ReceivedAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _received);
    }

    [Fact]
    public async Task New_publisher_does_not_begin_with_joins_behind_a_gap()
    {
        await JoinAsync("k1");
        await AppliedAsync("k1");
        await DropAsync("k2", "k3");
        StartPublisher();

        // Joins from an older publisher do not count as left, and a late reader does not get too many.
        Receive(await _published.FirstAsync(c => c.IsReset));
        Receive(_pump!.Publisher!.Reset());
        Assert.Equal(["k1"], _received);
        _cut = "";
        await ReceivedAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _received);
        Assert.Equal(
            ["k1", "k2", "k3", "k4"],
            _pump.Publisher!.Reset().Changes.Select(c => c.Entry.Key));
    }

    private static IPresenceTracker Tracker(PresenceNode node) => ((IPresenceNode)node).Tracker;

    private static KnownReplica[] Known(VersionVector vector) =>
        [.. vector.Others.Select(o => new KnownReplica(o.Replica.Node, o.Replica.Incarnation, o.Clock))];

    private TopicSnapshotView Refresh()
    {
        if (_fillsDuringRefresh)
        {
            _cut = "";
            Assert.True(_filled.Wait(NotInThisTest), "The gap was not filled.");
        }

        return _pump!.Refresh();
    }

    private async Task<PresenceNode> StartAsync(string name)
    {
        var options = new PresenceOptions { NodeName = name };
        options.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(100);
        options.Tracker.DownPeriod = NotInThisTest;
        options.Tracker.PermDownPeriod = NotInThisTest * 2;
        var node = new PresenceNode(
            _cluster.CreateTransport(name),
            Options.Create(options),
            TimeProvider.System,
            NullLogger<PresenceNode>.Instance);
        await node.StartAsync(default);
        return node;
    }

    private void StartPublisher()
    {
        _pump = new TopicChangePump(
            _publisher,
            Topic,
            "publisher",
            capacity: 1000,
            new HandleDiff(() => _pump!),
            _ => _published.Add(new TopicChanges(Topic, "failed", 0, true, [])));
        _pump.Attach(new TopicPublisher(
            Topic,
            "publisher",
            "publisher",
            term: 1,
            changes =>
            {
                _published.Add(changes);
                return Task.CompletedTask;
            },
            Refresh,
            (_, _) => null,
            Known,
            _prefixes,
            new PagedLists(TimeProvider.System),
            new PresenceOrleansOptions { ObserverTimeout = NotInThisTest },
            NotInThisTest,
            TimeProvider.System,
            () => _published.Add(new TopicChanges(Topic, "failed", 0, true, []))));
    }

    private async Task JoinAsync(string key) => await Tracker(_owner).TrackAsync(_session, Topic, key);

    private Task<string> AppliedAsync(string key) => _applied.FirstAsync(k => k == key);

    /// <summary>Drops these joins at the publisher, delivers k4, and blocks its repair requests.</summary>
    private async Task DropAsync(params string[] keys)
    {
        var before = _lost.All.Count;
        _cut = "owner publisher";
        await Tracker(_owner).TrackManyAsync(_session, [.. keys.Select(k => new TrackRequest(Topic, k))]);

        // One frame holds these joins, and a node sends its collected deltas before a heartbeat.
        await _lost.UntilAsync(all => all.Skip(before).Count(from => from == "owner") >= 3, "frames are lost");
        _cut = "publisher";
        await JoinAsync("k4");
        await AppliedAsync("k4");
    }

    private async Task ReceivedAsync(string key)
    {
        var count = 0;
        while (!_received.Contains(key))
        {
            await _published.CountAsync(count + 1);
            Receive(_published.All[count++]);
        }
    }

    private void Receive(TopicChanges changes)
    {
        Assert.NotEqual("failed", changes.Node);
        var changed = changes.IsReset
            ? _follower.Replace(changes.Silo, changes.Changes.Select(c => c.Entry), changes.Known ?? [])
            : _follower.Apply(changes.Changes);
        Assert.All(changed, c => Assert.Equal(PresenceChangeKind.Joined, c.Kind));
        _received.AddRange(changed.Select(c => c.Entry.Key));
    }

    private sealed class HandleDiff(Func<TopicChangePump> pump) : IHandleDiffGrain
    {
        Task IHandleDiffGrain.HandleDiff(TopicChanges changes)
        {
            pump().Deliver(changes);
            return Task.CompletedTask;
        }
    }
}
