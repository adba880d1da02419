using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Presence.Grains.Security;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Security;

public sealed class PresenceAuthorizerTests : IAsyncLifetime
{
    private readonly Recorder _authorizer = new();
    private readonly FakeLogCollector _log = new();
    private PresenceCluster _cluster = null!;

    private ITopicPresenceGrain Lobby => _cluster.Orleans.Client.GetGrain<ITopicPresenceGrain>("lobby");

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1,
        configureSilo: silo => silo.Services.AddSingleton<IPresenceAuthorizer>(_authorizer)
            .AddSingleton<ILoggerProvider>(new FakeLoggerProvider(_log)));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Each_call_of_a_client_is_asked_for_with_operation_topic_and_key()
    {
        var handle = await Lobby.Track("ann");
        handle = await Lobby.Update(handle, PresenceMeta.Empty);
        var silo = _cluster.Orleans.Client.GetGrain<IPresenceSiloGrain>(handle.Silo);
        await silo.Renew(handle.Lease);
        await Lobby.List();
        await Lobby.GetByKey("ann");
        await Lobby.TopicsOf("ann");
        await Lobby.FollowStream();
        await silo.GetPage("no list", 1);
        await Lobby.Untrack(handle);
        await _cluster.Orleans.Client.KeyPresence("lobby", "bob").Put(PresenceMeta.Empty, TimeSpan.FromSeconds(30));
        await _cluster.Orleans.Client.KeyPresence("lobby", "bob").End();
        await Lobby.Evict("bob");
        await Lobby.EvictKey("bob");
        await _cluster.Orleans.Client.GetGrain<IUniqueDirectoryGrain>(0).Find("job");
        await _cluster.Orleans.Client.GetGrain<IUniqueProcessGrain>("job").HandOver();
        Assert.Equal(
            [
                new(PresenceOperation.Track, "lobby", "ann"),
                new(PresenceOperation.Update, "lobby", "ann"),
                new(PresenceOperation.Renew, null, null),
                new(PresenceOperation.Read, "lobby", null),
                new(PresenceOperation.Read, "lobby", "ann"),
                new(PresenceOperation.Read, null, "ann"),
                new(PresenceOperation.Subscribe, "lobby", null),
                new(PresenceOperation.Read, null, null),
                new(PresenceOperation.Untrack, "lobby", "ann"),
                new(PresenceOperation.Track, "lobby", "bob"),
                new(PresenceOperation.Untrack, "lobby", "bob"),
                new(PresenceOperation.Evict, "lobby", "bob"),
                new(PresenceOperation.Evict, null, "bob"),
                new(PresenceOperation.ReadProcess, null, "job"),
                new PresenceAccess(PresenceOperation.HandOver, null, "job"),
            ],
            _authorizer.Asked);
    }

    [Fact]
    public async Task Rejected_call_changes_nothing_throws_at_the_client_and_is_counted()
    {
        using var rejected = new Counted("presence.calls.rejected", "unauthorized");
        _authorizer.Allows = access => access.Operation != PresenceOperation.Track
            || RequestContext.Get("user") as string == access.Key;
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Lobby.Track("ann"));
        Assert.Contains("Track", error.Message);
        RequestContext.Set("user", "ann");
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Lobby.Track("bob"));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(
            () => Lobby.TrackMany([new("hall", "ann"), new("hall", "bob")], ["one", "two"]));
        Assert.Empty(await Lobby.TopicsOf("ann"));
        await Lobby.Track("ann");
        Assert.Equal(1, await Lobby.Count());
        Assert.InRange(rejected.Sum, 2, long.MaxValue);
    }

    [Fact]
    public async Task Evictions_hand_overs_and_rejections_are_recorded_with_their_caller()
    {
        await Lobby.Track("ann");
        Assert.Equal(1, await Lobby.Evict("ann"));
        await Lobby.EvictKey("b\nob");
        await _cluster.Orleans.Client.GetGrain<IUniqueProcessGrain>("job").HandOver();
        await Lobby.List();
        _authorizer.Allows = _ => false;
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Lobby.Evict("ann"));
        var lines = _log.GetSnapshot().Where(line => line.Category == CallAudit.Category)
            .Select(line => line.Message).ToList();
        const string Once = " (1 occurrences since last log)";
        Assert.Equal(
            [
                $"Evict of ann, topic lobby: 1{Once}",
                $"Evict of b\\u000Aob, topic -: 0{Once}",
                $"HandOver of job, topic -: False{Once}",
                $"Evict of ann, topic lobby rejected{Once}",
            ],
            lines.Select(line => line[(line.IndexOf(": ", StringComparison.Ordinal) + 2)..]));
        Assert.All(lines, line => Assert.StartsWith("sys.client/", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Flood_of_evictions_does_not_flood_the_log()
    {
        for (var i = 0; i < 30; i++)
        {
            await Lobby.Evict("nobody");
        }

        Assert.Equal(10, _log.GetSnapshot().Count(line => line.Category == CallAudit.Category));
    }

    [Fact]
    public async Task Rejected_subscription_of_a_client_ends_with_the_error_of_the_authorizer()
    {
        _authorizer.Allows = access => access.Operation != PresenceOperation.Subscribe;
        await Assert.ThrowsAsync<UnauthorizedAccessException>(
            () => _cluster.Client.SubscribeAsync("lobby", _ => default));
    }

    private sealed class Recorder : IPresenceAuthorizer
    {
        private readonly ConcurrentQueue<PresenceAccess> _asked = new();

        public Func<PresenceAccess, bool> Allows { get; set; } = _ => true;

        public IReadOnlyList<PresenceAccess> Asked => [.. _asked];

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            _asked.Enqueue(access);
            return ValueTask.FromResult(Allows(access));
        }
    }
}
