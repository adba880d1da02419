using System.Collections.Concurrent;

namespace Presence.SignalR.Tests;

public sealed class HubKeyWatchTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Stream_yields_the_present_keys_and_then_those_that_come_and_go_on_any_server(bool messagePack)
    {
        await using var servers = await HubServers.StartAsync(2);
        await using var ann = await servers.ConnectAsync(0, "ann", messagePack);
        await using var bob = await servers.ConnectAsync(0, "bob");
        await bob.InvokeAsync("TrackText", "user:2", "bob", "{}");
        await using var items = Watch(ann, "user:*", "bob", "cid", "ann").GetAsyncEnumerator();
        await NextAsync(true, ["bob"], []);
        await using (var cid = await servers.ConnectAsync(1, "cid"))
        {
            await cid.InvokeAsync("TrackText", "user:3", "cid", "{}");
            await NextAsync(false, ["cid"], []);
        }

        await NextAsync(false, [], ["cid"]);
        await bob.InvokeAsync("Leave");
        await NextAsync(false, [], ["bob"]);

        async Task NextAsync(bool isState, string[] present, string[] absent)
        {
            Assert.True(await items.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)));
            Assert.Equal(isState, items.Current.IsState);
            Assert.Equal(present, items.Current.Present);
            Assert.Equal(absent, items.Current.Absent);
        }
    }

    [Fact]
    public async Task Forbidden_key_is_never_shown()
    {
        var authorizer = new NoSecrets();
        await using var servers = await HubServers.StartAsync(
            1, services: services => services.AddSingleton<IPresenceAuthorizer>(authorizer));
        var tracker = servers.Node(0).Tracker;
        var session = servers.Node(0).OpenSession();
        await tracker.TrackAsync(session, "user:1", "secret");
        await using var ann = await servers.ConnectAsync(0, "ann");
        await using var items = Watch(ann, "user:*", "secret", "bob").GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync());
        Assert.Empty(items.Current.Present);
        Assert.Equal(
            [(PresenceOperation.Read, "user:*", "secret"), (PresenceOperation.Read, "user:*", "bob")],
            authorizer.Asked.Select(access => (access.Operation, access.Topic!, access.Key!)));
        Assert.All(authorizer.Asked, access => Assert.NotNull(access.User));
        await tracker.UntrackAsync(session, "user:1", "secret");
        await tracker.DeliveredAsync();
        await tracker.TrackAsync(session, "user:1", "bob");
        Assert.True(await items.MoveNextAsync());
        Assert.Equal(["bob"], items.Current.Present);
        Assert.Empty(items.Current.Absent);
    }

    [Fact]
    public async Task Invalid_keys_and_too_many_streams_are_errors_that_the_client_sees()
    {
        await using var servers = await HubServers.StartAsync(1, options => options.MaxKeyWatches = 1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        var watches = servers.Node(0).Tracker.KeyWatches!;
        await FailsAsync("at most 1000", "t", [.. Enumerable.Range(0, 1001).Select(i => $"{i}")]);
        await FailsAsync("wildcard", "a*b", "ann");
        await FailsAsync("key is empty", "t", "");
        Assert.Equal(0, watches.Watches);
        using var stop = new CancellationTokenSource();
        await using var items = Watch(ann, "t", "ann").GetAsyncEnumerator(stop.Token);
        Assert.True(await items.MoveNextAsync());
        await FailsAsync("at most 1 ", "t", "ann");
        await stop.CancelAsync();
        await TestTimeouts.UntilAsync("the watch has ended", TimeSpan.FromSeconds(30), () => watches.Watches == 0);

        async Task FailsAsync(string reason, string within, params string[] keys)
        {
            await using var failing = Watch(ann, within, keys).GetAsyncEnumerator();
            var error = await Assert.ThrowsAsync<HubException>(async () => await failing.MoveNextAsync());
            Assert.Contains(reason, error.Message);
        }
    }

    private static IAsyncEnumerable<HubKeyChanges> Watch(HubUser user, string within, params string[] keys) =>
        user.Connection.StreamAsync<HubKeyChanges>("WatchKeys", keys, within);

    /// <summary>Forbids the key "secret".</summary>
    private sealed class NoSecrets : IPresenceAuthorizer
    {
        public ConcurrentQueue<PresenceAccess> Asked { get; } = new();

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            Asked.Enqueue(access);
            return new(access.Key != "secret");
        }
    }
}
