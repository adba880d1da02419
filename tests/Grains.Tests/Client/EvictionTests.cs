namespace Presence.Grains.Tests.Client;

public sealed class EvictionTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(2);

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Client_evicts_a_key_from_a_topic_and_then_from_all()
    {
        foreach (var silo in _cluster.Silos)
        {
            var node = _cluster.ServiceOf<IPresenceNode>(silo);
            foreach (var topic in (string[])["a", "b"])
            {
                await node.Tracker.TrackAsync(node.OpenSession(), topic, "ann");
            }
        }

        await _cluster.ListsAsync(_cluster.Silos[0], "b", "ann", "ann");
        await _cluster.ListsAsync(_cluster.Silos[1], "b", "ann", "ann");
        using var stop = new CancellationTokenSource();
        await using var changes = _cluster.Client.WatchAsync("a", stop.Token).GetAsyncEnumerator();
        Assert.Equal(PresenceChangeKind.Joined, (await NextAsync()).Kind);
        Assert.Equal(PresenceChangeKind.Joined, (await NextAsync()).Kind);
        Assert.True(await _cluster.Client.IsOnlineAsync("ann"));

        Assert.Equal(2, await _cluster.Client.EvictAsync("a", "ann"));
        Assert.Equal(LeaveReason.Evicted, (await NextAsync()).Reason);
        Assert.Equal(LeaveReason.Evicted, (await NextAsync()).Reason);
        Assert.True(await _cluster.Client.IsOnlineAsync("ann"));

        // The next eviction may be that of another silo, which counts what it lists.
        await _cluster.ListsAsync(_cluster.Silos[0], "a");
        await _cluster.ListsAsync(_cluster.Silos[1], "a");
        Assert.Equal(2, await _cluster.Client.EvictKeyAsync("ann"));
        await TestTimeouts.UntilAsync(
            "ann is offline", Timeout, async () => !await _cluster.Client.IsOnlineAsync("ann"));
        var next = changes.MoveNextAsync().AsTask();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);

        async Task<PresenceChange> NextAsync()
        {
            Assert.True(await changes.MoveNextAsync().AsTask().WaitAsync(Timeout));
            return changes.Current;
        }
    }

    [Fact]
    public async Task Client_sends_to_the_sessions_of_a_key_and_learns_that_nobody_is_there()
    {
        var received = new Awaited<string>();
        foreach (var silo in _cluster.Silos)
        {
            var node = _cluster.ServiceOf<IPresenceNode>(silo);
            var session = node.OpenSession(new PresenceSessionOptions
            {
                OnMessage = message =>
                {
                    received.Add($"{message.Name} {System.Text.Encoding.UTF8.GetString(message.Json.Span)}");
                    return true;
                },
            });
            await node.Tracker.TrackAsync(session, "a", "ann");
        }

        await _cluster.ListsAsync(_cluster.Silos[0], "a", "ann", "ann");
        await _cluster.ListsAsync(_cluster.Silos[1], "a", "ann", "ann");
        var hello = SessionMessage.From("hello", new { n = 1 });
        Assert.Equal(SendToKeyResult.Accepted, await _cluster.Client.SendToKeyAsync("ann", hello));
        Assert.Equal(SendToKeyResult.Accepted, await _cluster.Client.SendAsync("a", "ann", hello));
        await received.CountAsync(4);
        Assert.All(received.All, line => Assert.Equal("hello {\"n\":1}", line));
        Assert.Equal(SendToKeyResult.NotPresent, await _cluster.Client.SendAsync("b", "ann", hello));
        Assert.Equal(SendToKeyResult.NotPresent, await _cluster.Client.SendToKeyAsync("bob", hello));

        var others = await _cluster.Client.FreshnessAsync("a");
        Assert.Equal(["True"], others.Select(node => node.IsUp.ToString()));
    }

    [Fact]
    public async Task Client_watches_the_keys_that_come_and_go()
    {
        var changes = new Awaited<KeyChange>();
        var node = _cluster.ServiceOf<IPresenceNode>(_cluster.Silos[0]);
        var (phone, laptop) = (node.OpenSession(), node.OpenSession());
        await node.Tracker.TrackAsync(phone, "keys", "ann");
        await using var subscription = await _cluster.Client.SubscribeKeysAsync("keys", all =>
        {
            all.ToList().ForEach(changes.Add);
            return default;
        });
        await changes.FirstAsync(change => change == new KeyChange("ann", true));
        await using var watched = _cluster.Client.WatchKeysAsync("keys").GetAsyncEnumerator();
        Assert.True(await watched.MoveNextAsync().AsTask().WaitAsync(Timeout));
        Assert.Equal(new KeyChange("ann", true), watched.Current);
        await node.Tracker.TrackAsync(laptop, "keys", "ann");
        phone.End();
        await node.Tracker.TrackAsync(laptop, "keys", "bob");
        await changes.FirstAsync(change => change == new KeyChange("bob", true));
        laptop.End();
        await changes.CountAsync(4);
        Assert.Equal(["ann", "bob"], changes.All.Skip(2).Where(c => !c.IsPresent).Select(c => c.Key).Order());
    }
}
