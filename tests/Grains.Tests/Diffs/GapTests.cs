using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Grains.Client;

namespace Presence.Grains.Tests.Diffs;

/// <summary>
/// Two members on the embedded engine: one makes joins, the other is the home of their topic and lost the frames with some of them.
/// </summary>
public sealed class GapTests : IAsyncLifetime, IDisposable
{
    private const string Topic = "lobby";
    private static readonly TimeSpan NotInThisTest = TimeSpan.FromMinutes(5);

    private readonly EmbeddedCluster _cluster = new();
    private readonly Awaited<string> _lost = new();
    private readonly Awaited<string> _shown = new();
    private readonly Awaited<TopicChanges> _told = new();
    private readonly TopicPicture _follower = new(TimeProvider.System, NotInThisTest);
    private readonly List<string> _heard = [];
    private readonly ManualResetEventSlim _filled = new();
    private volatile string _cut = "";
    private volatile bool _fillsWhileLooking;
    private PresenceNode _owner = null!;
    private PresenceNode _home = null!;
    private PresenceProcess _process = null!;
    private readonly ContiguousPrefixTracker _prefixes = new(_ => 0);
    private TopicSubscription? _showing;
    private TopicFeed? _feed;

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
        _home = await StartAsync("home");
        _process = ((IPresenceNode)_owner).StartProcess();
        _showing = Tracker(_home).Subscribe(Topic, diff =>
        {
            foreach (var change in diff.Changes)
            {
                _shown.Add(change.Entry.Key);
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
        await _home.StopAsync(default);
    }

    public void Dispose()
    {
        _feed?.End();
        _showing?.Dispose();
        _filled.Dispose();
    }

    [Fact]
    public async Task A_publisher_keeps_the_order_of_joins_though_frames_were_lost()
    {
        await JoinAsync("k1");
        await ShownAsync("k1");
        Begin();
        await LoseAsync("k2", "k3");
        Assert.Equal(["k1", "k4"], _shown.All);
        _cut = "";
        await HeardAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _heard);
        Assert.Equal(["k1", "k4"], _shown.All.Take(2));
    }

    [Fact]
    public async Task What_fills_a_gap_while_the_publisher_checks_is_published_before_what_waited()
    {
        await JoinAsync("k1");
        await ShownAsync("k1");
        Begin();
        await LoseAsync("k2", "k3");
        _fillsWhileLooking = true;
        await HeardAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _heard);
    }

    [Fact]
    public async Task A_new_home_that_knows_the_newest_joins_without_those_before_does_not_begin_with_them()
    {
        await JoinAsync("k1");
        await ShownAsync("k1");
        await LoseAsync("k2", "k3");
        Begin();

        // What an older home had told is not held to have left, and who catches up now is not told too much either.
        Hear(await _told.FirstAsync(c => c.IsReset));
        Hear(_feed!.Publisher!.Reset());
        Assert.Equal(["k1"], _heard);
        _cut = "";
        await HeardAsync("k4");
        Assert.Equal(["k1", "k2", "k3", "k4"], _heard);
        Assert.Equal(
            ["k1", "k2", "k3", "k4"],
            _feed.Publisher!.Reset().Changes.Select(c => c.Entry.Key));
    }

    private static IPresenceTracker Tracker(PresenceNode node) => ((IPresenceNode)node).Tracker;

    private static KnownReplica[] Known(VersionVector vector) =>
        [.. vector.Others.Select(o => new KnownReplica(o.Replica.Node, o.Replica.Incarnation, o.Clock))];

    private TopicView Refresh()
    {
        if (_fillsWhileLooking)
        {
            _cut = "";
            Assert.True(_filled.Wait(NotInThisTest), "The gap was not filled.");
        }

        return _feed!.Refresh();
    }

    private async Task<PresenceNode> StartAsync(string name)
    {
        var options = new PresenceOptions { NodeName = name };
        options.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(100);
        options.Tracker.DownPeriod = NotInThisTest;
        options.Tracker.PermDownPeriod = NotInThisTest * 2;
        var node = new PresenceNode(
            _cluster.CreateLink(name), Options.Create(options), TimeProvider.System, NullLogger<PresenceNode>.Instance);
        await node.StartAsync(default);
        return node;
    }

    private void Begin()
    {
        _feed = new TopicFeed(
            _home,
            Topic,
            "home",
            capacity: 1000,
            changes =>
            {
                _feed!.Deliver(changes);
                return Task.CompletedTask;
            },
            _ => _told.Add(new TopicChanges(Topic, "failed", 0, true, [])));
        _feed.Attach(new TopicPublisher(
            Topic,
            "home",
            "home",
            term: 1,
            changes =>
            {
                _told.Add(changes);
                return Task.CompletedTask;
            },
            Refresh,
            Known,
            _prefixes,
            new PresenceOrleansOptions { ObserverTimeout = NotInThisTest },
            NotInThisTest,
            TimeProvider.System,
            () => _told.Add(new TopicChanges(Topic, "failed", 0, true, []))));
    }

    private async Task JoinAsync(string key) => await Tracker(_owner).TrackAsync(_process, Topic, key);

    private Task<string> ShownAsync(string key) => _shown.FirstAsync(k => k == key);

    /// <summary>The home loses the frames with these joins, hears of k4, and cannot ask what it lacks.</summary>
    private async Task LoseAsync(params string[] keys)
    {
        var before = _lost.All.Count;
        _cut = "owner home";
        await Tracker(_owner).TrackManyAsync(_process, [.. keys.Select(k => new TrackRequest(Topic, k))]);

        // One frame holds these, and before a heartbeat a member sends what it has gathered.
        await _lost.UntilAsync(all => all.Skip(before).Count(from => from == "owner") >= 3, "frames are lost");
        _cut = "home";
        await JoinAsync("k4");
        await ShownAsync("k4");
    }

    private async Task HeardAsync(string key)
    {
        var heard = 0;
        while (!_heard.Contains(key))
        {
            await _told.CountAsync(heard + 1);
            Hear(_told.All[heard++]);
        }
    }

    private void Hear(TopicChanges changes)
    {
        Assert.NotEqual("failed", changes.Node);
        var told = changes.IsReset
            ? _follower.Replace(changes.Silo, changes.Changes.Select(c => c.Entry), changes.Known ?? [])
            : _follower.Apply(changes.Changes);
        Assert.All(told, c => Assert.Equal(PresenceChangeKind.Joined, c.Kind));
        _heard.AddRange(told.Select(c => c.Entry.Key));
    }
}
