using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Client;

/// <summary>Views of a topic that a silo computes for an Orleans client.</summary>
[Trait("Category", "Orleans")]
public sealed class ViewSubscriptionTests : IAsyncLifetime
{
    private const string Topic = "room:1";

    private static readonly PresenceView Busy = new()
    {
        First = 2,
        Prefix = "k",
        Where = new Dictionary<string, string> { ["/status"] = "busy" },
    };

    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        2,
        o => o.MaxObservers = 6,
        o => o.RenewalInterval = TimeSpan.FromMilliseconds(250),
        configureNode: o =>
        {
            o.Tracker.AddIndex("room:*", "/status");
            o.Tracker.MaxViewsPerTopic = 3;
        });

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Changes_of_a_view_reach_a_client_and_changes_outside_of_it_do_not()
    {
        var (tracker, session) = Node(0);
        var watch = new Watch();
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k1", Status("busy")));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "a1", Status("busy")));
        await using var subscription = await _cluster.Client.SubscribeAsync(Topic, Busy, watch.HandleAsync);
        await watch.ReceivesAsync("Joined k1");
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k3", Status("busy")));
        await watch.ReceivesAsync("Joined k3");
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k4", Status("busy")));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k0", Status("free")));
        await ChangeAsync(() => tracker.UpdateAsync(session, Topic, "k0", Status("busy")));
        await watch.ReceivesAsync("Joined k0 OutOfView", "Left k3 OutOfView");
        var updated = PresenceMeta.Parse("""{"status":"busy","n":1}""");
        await ChangeAsync(() => tracker.UpdateAsync(session, Topic, "k1", updated));
        await watch.ReceivesAsync("Updated k1");
        await ChangeAsync(() => tracker.UntrackAsync(session, Topic, "k0"));
        await watch.ReceivesAsync("Left k0 Untracked", "Joined k3 OutOfView");
        await ChangeAsync(() => tracker.UpdateAsync(session, Topic, "k1", Status("away")));
        await watch.ReceivesAsync("Left k1 OutOfView", "Joined k4 OutOfView");
        await ChangeAsync(() => tracker.UpdateAsync(session, Topic, "k1", Status("busy")));
        await watch.ReceivesAsync("Joined k1 OutOfView", "Left k4 OutOfView");
        Assert.Equal(["k1", "k3"], subscription.Presences.Select(p => p.Key));
    }

    [Fact]
    public async Task Enumeration_of_a_view_begins_with_its_presences()
    {
        var (tracker, session) = Node(0);
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "ann"));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "bob"));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "bud"));
        var keys = new List<string>();
        var view = new PresenceView { First = 2, Prefix = "b" };
        await foreach (var change in _cluster.Client.WatchAsync(Topic, view))
        {
            keys.Add(change.Entry.Key);
            if (keys.Count == 2)
            {
                break;
            }
        }

        Assert.Equal(["bob", "bud"], keys);
    }

    [Fact]
    public async Task View_that_silos_reject_costs_no_subscription()
    {
        var client = _cluster.Client;
        var undeclared = new PresenceView { Where = new Dictionary<string, string> { ["/mood"] = "good" } };
        var error = await Assert.ThrowsAsync<PresenceViewException>(
            () => client.SubscribeAsync(Topic, undeclared, _ => default));
        Assert.Contains("AddIndex", error.Message);
        await Assert.ThrowsAsync<PresenceViewException>(
            () => client.SubscribeAsync(Topic, new PresenceView { First = 1001 }, _ => default));

        await Assert.ThrowsAsync<PresenceViewException>(
            () => client.SubscribeAsync(Topic, new PresenceView { Prefix = "\ud800" }, _ => default));

        // Other callers of the grain may send what this client rejects.
        var grain = _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>(Topic);
        var observer = _cluster.Orleans.Client.CreateObjectReference<IPresenceObserver>(new Observer());
        PresenceView[] malformed =
        [
            undeclared,
            new() { First = 0 },
            new() { Prefix = new string('p', 257) },
            new() { Where = Enumerable.Range(0, 5).ToDictionary(i => $"/status{i}", _ => "busy") },
            new() { Where = Enumerable.Range(0, 50_000).ToDictionary(i => $"/status{i}", _ => "busy") },
            new() { Where = new Dictionary<string, string> { ["status"] = "busy" } },
            new() { Where = new Dictionary<string, string> { ["/status"] = new('v', 257) } },
            new() { Where = new Dictionary<string, string> { ["/status"] = null! } },
        ];
        foreach (var view in malformed)
        {
            await Assert.ThrowsAsync<PresenceViewException>(() => grain.SubscribeView(observer, view));
        }

        await Assert.ThrowsAsync<ArgumentNullException>(() => grain.SubscribeView(observer, null!));
        Assert.Equal(0, _cluster.Silos.Sum(silo => _cluster.ServiceOf<ObserverRegistry>(silo).Count));
    }

    [Fact]
    public async Task Views_and_subscriptions_on_a_silo_are_bounded()
    {
        var client = _cluster.ServiceOf<IPresenceClient>(_cluster.Silos[0]);
        var registry = _cluster.ServiceOf<ObserverRegistry>(_cluster.Silos[0]);
        var subscriptions = new List<ITopicSubscription>();
        foreach (var prefix in new[] { "a", "b", "c" })
        {
            subscriptions.Add(await SubscribeAsync(prefix));
        }

        var error = await Assert.ThrowsAsync<PresenceOverloadException>(() => SubscribeAsync("d"));
        Assert.Contains("MaxViewsPerTopic", error.Message);
        Assert.Equal(3, registry.Count);

        // Equal views are one view, but each subscription counts.
        for (var i = 0; i < 3; i++)
        {
            subscriptions.Add(await SubscribeAsync("a"));
        }

        error = await Assert.ThrowsAsync<PresenceOverloadException>(() => SubscribeAsync("a"));
        Assert.Contains("MaxObservers", error.Message);
        foreach (var subscription in subscriptions)
        {
            await subscription.DisposeAsync();
        }

        Assert.Equal(0, registry.Count);
        await using var again = await SubscribeAsync("d");

        Task<ITopicSubscription> SubscribeAsync(string prefix) =>
            client.SubscribeAsync(Topic, new PresenceView { Prefix = prefix }, _ => default);
    }

    [Fact]
    public async Task View_without_conditions_is_the_topic()
    {
        var (tracker, session) = Node(0);
        var watch = new Watch();
        await using var subscription = await _cluster.Client.SubscribeAsync(
            Topic, new PresenceView { Prefix = "" }, watch.HandleAsync);
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "ann"));
        await watch.ReceivesAsync("Joined ann");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task View_continues_on_another_silo_when_its_silo_is_lost(bool isKilled)
    {
        var watch = new Watch();
        await using var subscription = await _cluster.Client.SubscribeAsync(Topic, Busy, watch.HandleAsync);
        var serving = _cluster.Silos.FindIndex(s => _cluster.ServiceOf<ObserverRegistry>(s).Count == 1);
        var (lost, other) = (_cluster.Silos[serving], 1 - serving);
        var (tracker, session) = Node(other);
        var (lostTracker, lostSession) = Node(serving);
        await ChangeAsync(() => lostTracker.TrackAsync(lostSession, Topic, "k1", Status("busy")));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k2", Status("busy")));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k3", Status("busy")));
        await ChangeAsync(() => tracker.TrackAsync(session, Topic, "k4", Status("busy")));
        await watch.ReceivesAsync("Joined k1", "Joined k2");
        await (isKilled ? _cluster.Orleans.KillSiloAsync(lost) : _cluster.Orleans.StopSiloAsync(lost));

        // k1 ended with its silo. What moved up is new to the client.
        await watch.EventuallyAsync(l => l.StartsWith("Left k1", StringComparison.Ordinal));
        await watch.EventuallyAsync(l => l.StartsWith("Joined k3", StringComparison.Ordinal));
        Assert.Equal(["k2", "k3"], subscription.Presences.Select(p => p.Key));
        await tracker.UpdateAsync(session, Topic, "k2", Status("away"));
        await watch.EventuallyAsync(l => l == "Left k2 OutOfView");
        await watch.EventuallyAsync(l => l == "Joined k4 OutOfView");
        Assert.DoesNotContain("Updated", string.Join(' ', watch.All), StringComparison.Ordinal);
        Assert.Equal(6, watch.All.Count);
    }

    private static PresenceMeta Status(string status) => PresenceMeta.From(new { status });

    private (IPresenceTracker Tracker, PresenceSession Session) Node(int silo)
    {
        var node = _cluster.ServiceOf<IPresenceNode>(_cluster.Silos[silo]);
        return (node.Tracker, node.OpenSession());
    }

    /// <summary>Makes a change and waits until both silos have it, so that it is alone in its batch.</summary>
    private async Task ChangeAsync<T>(Func<ValueTask<T>> change)
    {
        await change();
        await Harness.TestTimeouts.UntilAsync(
            "both silos have the change",
            TimeSpan.FromSeconds(60),
            () => Versions(0).SequenceEqual(Versions(1)));
        foreach (var silo in _cluster.Silos)
        {
            await _cluster.TrackerOf(silo).DeliveredAsync();
        }

        string[] Versions(int silo) => [.. _cluster.TrackerOf(_cluster.Silos[silo]).List(Topic).Select(e => e.Ref)];
    }

    /// <summary>Receives the changes of a view.</summary>
    private sealed class Watch
    {
        private readonly Awaited<string> _lines = new();
        private int _seen;

        public IReadOnlyList<string> All => _lines.All;

        public ValueTask HandleAsync(IReadOnlyList<PresenceChange> changes)
        {
            foreach (var change in changes)
            {
                var reason = change.Kind == PresenceChangeKind.Left || change.IsOfView ? $" {change.Reason}" : "";
                _lines.Add($"{change.Kind} {change.Entry.Key}{reason}");
            }

            return default;
        }

        /// <summary>Waits for the next changes, which are exactly these.</summary>
        public async Task ReceivesAsync(params string[] expected)
        {
            await _lines.CountAsync(_seen + expected.Length);
            Assert.Equal(expected, _lines.All.Skip(_seen));
            _seen += expected.Length;
        }

        public Task<string> EventuallyAsync(Func<string, bool> isExpected) => _lines.FirstAsync(isExpected);
    }
}
