using Orleans;
using Orleans.Hosting;
using Orleans.Runtime;
using Presence.Grains;
using Presence.Harness.Networks;

namespace Presence.AspNetCore.Tests;

/// <summary>Two silos and an Orleans client, each with <c>MapPresence</c>.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private static readonly PresenceMeta Busy = PresenceMeta.From(new { status = "busy" });
    private static readonly PresenceMeta Free = PresenceMeta.From(new { status = "free" });

    private readonly List<WebHost> _silos = [];
    private WebHost _client = null!;

    public async Task InitializeAsync()
    {
        var port = FreePorts.Find(4);
        var primary = new IPEndPoint(IPAddress.Loopback, port);
        for (var i = 0; i < 2; i++)
        {
            var (silo, gateway, name) = (port + i, port + i + 2, $"web {i}");
            _silos.Add(await WebHost.StartAsync(
                builder => builder.UseOrleans(orleans => orleans
                    .UseLocalhostClustering(silo, gateway, primary)
                    .Configure<Orleans.Configuration.SiloOptions>(options => options.SiloName = name)
                    .AddPresence(configureNode: options => options.Tracker.AddIndex("jobs", "/status"))),
                app => app.MapPresence("/presence")));
        }

        _client = await WebHost.StartAsync(
            builder => builder.UseOrleansClient(
                client => client.UseLocalhostClustering([port + 2, port + 3]).AddPresence()),
            app => app.MapPresence("/presence"));
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        foreach (var silo in _silos)
        {
            await silo.DisposeAsync();
        }
    }

    [Fact]
    public async Task Keys_are_watched_on_silos_and_not_in_a_client()
    {
        var path = "/presence/keys/events?within=job*&key=worker";
        await using var reader = await EventReader.OpenAsync(_silos[1].Http, path);
        await reader.NextAsync("state");
        (await _silos[0].PutAsync("/presence/jobs/worker")).EnsureSuccessStatusCode();
        Assert.Equal("worker", (await reader.NextAsync("diff")).GetProperty("present")[0].GetString());
        var problem = await WebHost.ProblemAsync(HttpStatusCode.NotImplemented, await _client.Http.GetAsync(path));
        Assert.Contains("Orleans client", problem);
    }

    [Fact]
    public async Task Readers_of_every_host_receive_the_presence_that_any_host_puts()
    {
        WebHost[] hosts = [.. _silos, _client];
        var readers = await Task.WhenAll(hosts.Select(h => EventReader.OpenAsync(h.Http, "/presence/jobs/events")));
        await Task.WhenAll(readers.Select(reader => reader.NextAsync("state")));
        var expected = new List<string>();
        foreach (var (host, i) in hosts.Select((host, i) => (host, i)))
        {
            (await host.PutAsync($"/presence/jobs/worker-{i}", """{"n":1}""")).EnsureSuccessStatusCode();
            foreach (var reader in readers)
            {
                Assert.Equal([$"joined worker-{i}"], await reader.ChangesUntilAsync($"worker-{i}"));
            }

            var keys = (await _client.GetAsync("/presence/jobs")).GetProperty("presences").GetArrayLength();
            Assert.InRange(keys, i, i + 1);
        }

        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }
    }

    [Fact]
    public async Task Reader_that_comes_back_to_another_server_receives_only_what_it_missed()
    {
        const string Path = "/presence/jobs/events";
        await using var other = await EventReader.OpenAsync(_silos[1].Http, "/presence/other/events");
        await other.NextAsync("state");
        using var session = _silos[0].Node.OpenSession();
        await _silos[0].Node.Tracker.TrackManyAsync(
            session, [.. Enumerable.Range(0, 500).Select(i => new TrackRequest("jobs", $"k{i:D3}"))]);
        await UntilSilosCountAsync(500);
        string id;
        int stateSize;
        await using (var reader = await EventReader.OpenAsync(_silos[0].Http, Path))
        {
            stateSize = (await reader.NextAsync("state")).GetRawText().Length;
            id = reader.LastId;
        }

        await _silos[0].Node.Tracker.UntrackAsync(session, "jobs", "k007");
        await _silos[0].Node.Tracker.TrackAsync(session, "jobs", "new");
        await _silos[0].Node.Tracker.TrackAsync(_silos[0].Node.OpenSession(), "jobs", "k008");
        await UntilSilosCountAsync(501);
        await using (var again = await EventReader.OpenAsync(_silos[1].Http, Path, id))
        {
            var diff = await again.NextAsync("diff");
            Assert.Equal(["joined k008", "joined new first", "left k007 last"], Lines(diff));
            Assert.InRange(diff.GetRawText().Length, 1, stateSize / 20);
            await _silos[0].Node.Tracker.TrackAsync(session, "jobs", "later");
            Assert.Equal(["joined later"], await again.ChangesUntilAsync("later"));
            id = again.LastId;
        }

        // Nothing missed: the next event is the next change. A cursor that nobody remembers gives the state.
        await using var third = await EventReader.OpenAsync(_silos[0].Http, Path, id);
        await _silos[0].Node.Tracker.TrackAsync(session, "jobs", "last");
        Assert.Equal(["joined last"], await third.ChangesUntilAsync("last"));
        await using var unknown = await EventReader.OpenAsync(_silos[1].Http, "/presence/other/events", id);
        await unknown.NextAsync("state");

        static string[] Lines(JsonElement diff) =>
        [
            .. diff.GetProperty("changes").EnumerateArray().Select(c =>
                $"{c.GetProperty("kind")} {c.GetProperty("key")}{Mark(c, "first")}{Mark(c, "last")}").Order()
        ];

        static string Mark(JsonElement change, string name) =>
            change.TryGetProperty(name, out var value) && value.GetBoolean() ? " " + name : "";
    }

    [Fact]
    public async Task Lease_is_one_presence_whichever_host_renews_and_ends_it()
    {
        WebHost[] hosts = [.. _silos, _client];
        var refs = new HashSet<string>();
        foreach (var host in hosts.Concat(hosts))
        {
            var response = await host.PutAsync("/presence/jobs/worker?seconds=60", """{"n":1}""");
            refs.Add((await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("ref").GetString()!);
        }

        Assert.Single(refs);
        await UntilSilosCountAsync(1);
        Assert.Equal(HttpStatusCode.NoContent, (await _client.Http.DeleteAsync("/presence/jobs/worker")).StatusCode);
        await UntilSilosCountAsync(0);
    }

    [Fact]
    public async Task Lease_that_is_not_renewed_expires_and_one_that_is_deleted_does_not()
    {
        WebHost[] hosts = [.. _silos, _client];
        var readers = await Task.WhenAll(hosts.Select(h => EventReader.OpenAsync(h.Http, "/presence/jobs/events")));
        await Task.WhenAll(readers.Select(reader => reader.NextAsync("state")));
        (await _client.PutAsync("/presence/jobs/short?seconds=1")).EnsureSuccessStatusCode();
        await AllReceiveAsync("left", "leaseExpired");
        var isGone = () => _silos.All(s => s.Node.Tracker.GetByKey("jobs", "short").Count == 0);
        await TestTimeouts.UntilAsync("the lease has expired", Timeout, isGone);
        var again = await _silos[1].PutAsync("/presence/jobs/short?seconds=60");
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
        await AllReceiveAsync("joined", null);
        (await _client.Http.DeleteAsync("/presence/jobs/short")).EnsureSuccessStatusCode();
        await AllReceiveAsync("left", "sessionEnded");
        foreach (var reader in readers)
        {
            await reader.DisposeAsync();
        }

        async Task AllReceiveAsync(string kind, string? reason)
        {
            foreach (var reader in readers)
            {
                var change = await NextAsync(reader, kind).WaitAsync(Timeout);
                Assert.Equal(reason, change.TryGetProperty("reason", out var given) ? given.GetString() : null);
            }
        }

        static async Task<JsonElement> NextAsync(EventReader reader, string kind)
        {
            while (true)
            {
                var diff = await reader.NextAsync("diff");
                foreach (var change in diff.GetProperty("changes").EnumerateArray())
                {
                    if (change.GetProperty("kind").GetString() == kind)
                    {
                        return change;
                    }
                }
            }
        }
    }

    [Fact]
    public async Task Bad_requests_through_an_Orleans_client_are_problems()
    {
        var longKey = new string('k', 5000);
        await WebHost.ProblemAsync(HttpStatusCode.BadRequest, await _client.PutAsync("/presence/jobs/" + longKey));
        var large = $$"""{"a":"{{new string('x', 100_000)}}"}""";
        var rejected = await _client.PutAsync("/presence/jobs/w", large);
        await WebHost.ProblemAsync(HttpStatusCode.RequestEntityTooLarge, rejected);
        await WebHost.ProblemAsync(HttpStatusCode.BadRequest, await _client.PutAsync("/presence/jobs/w", "[]"));
        await WebHost.ProblemAsync(HttpStatusCode.NotFound, await _client.Http.GetAsync("/presence/jobs/keys/nobody"));
        await Assert.ThrowsAnyAsync<ArgumentException>(
            () => _client.Services.GetRequiredService<IClusterClient>()
                .GetGrain<IKeyPresenceGrain>("not an id").Put(PresenceMeta.Empty, TimeSpan.FromSeconds(30)));
        await Assert.ThrowsAnyAsync<ArgumentException>(
            () => _client.Services.GetRequiredService<IClusterClient>()
                .KeyPresence("jobs", "w").Put(PresenceMeta.Empty, TimeSpan.FromHours(1)));
    }

    [Fact]
    public async Task View_is_computed_by_a_silo_for_the_readers_of_an_Orleans_client()
    {
        var tracker = _silos[0].Node.Tracker;
        using var session = _silos[0].Node.OpenSession();
        TrackRequest[] presences = [new("jobs", "abe", Free), new("jobs", "ann", Busy), new("jobs", "bob", Busy)];
        await tracker.TrackManyAsync(session, presences);
        await UntilSilosCountAsync(3);
        const string Path = "/presence/jobs/events?first=1&prefix=a&where=/status%3Dbusy";
        await using var reader = await EventReader.OpenAsync(_client.Http, Path);
        var state = await reader.NextAsync("state");
        var present = state.GetProperty("presences").EnumerateArray();
        Assert.Equal(["ann"], present.Select(presence => presence.GetProperty("key").GetString()));
        await tracker.UpdateAsync(session, "jobs", "abe", Busy);
        await ReceivesAsync("joined abe outOfView", "left ann outOfView");
        await tracker.UntrackAsync(session, "jobs", "abe");
        await ReceivesAsync("left abe untracked", "joined ann outOfView");

        var problem = await WebHost.ProblemAsync(
            HttpStatusCode.BadRequest, await _client.Http.GetAsync("/presence/jobs/events?where=/mood%3Dgood"));
        Assert.Contains("'/mood' is not declared for this topic", problem);

        async Task ReceivesAsync(params string[] expected)
        {
            var changes = (await reader.NextAsync("diff")).GetProperty("changes").EnumerateArray();
            Assert.Equal(expected, changes.Select(
                c => $"{c.GetProperty("kind")} {c.GetProperty("key")} {c.GetProperty("reason")}"));
        }
    }

    private Task<TimeSpan> UntilSilosCountAsync(int count) => TestTimeouts.UntilAsync(
        $"both silos count {count}", Timeout, () => _silos.All(s => s.Node.Tracker.Count("jobs") == count));
}
