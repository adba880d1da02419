namespace Presence.Channels.Tests.Sessions;

/// <summary>Clients that lose their connection and come back, to the same node or another, with a cursor.</summary>
public sealed class ReconnectTests(ITestOutputHelper output)
{
    private const int MaxBytes = 6 * 1024;
    private const string Topic = "cursor:1";

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public Task Client_of_a_room_of_a_thousand_receives_only_the_changes_that_it_missed(int node) =>
        ReconnectAsync(50, node);

    [Theory]
    [Trait("Category", "Soak")]
    [InlineData(0)]
    [InlineData(1)]
    public Task Thousand_clients_receive_only_the_changes_that_they_missed(int node) => ReconnectAsync(1000, node);

    [Fact]
    public async Task Presences_are_right_after_random_changes_and_reconnects()
    {
        await using var hosts = await CursorHosts.StartAsync();
        var random = new Random(7);
        var clients = Members(6);
        foreach (var client in clients)
        {
            await client.JoinAsync(hosts[random.Next(2)]);
        }

        var sessions = Enumerable.Range(0, 4).Select(i => hosts.Node(i % 2).OpenSession()).ToArray();
        int states = 0, answers = 0;
        for (var round = 0; round < 25; round++)
        {
            var client = clients[random.Next(clients.Length)];
            client.Drop();
            for (var i = random.Next(12); i > 0; i--)
            {
                await ChangeAsync(hosts, sessions, random);
            }

            await client.JoinAsync(hosts[random.Next(2)]);
            (states, answers) = (states + client.States, answers + 1);
            await ChangeAsync(hosts, sessions, random);
            await hosts.SettleAsync(Topic);
            var expected = hosts.Presences(0, Topic).ToList();
            foreach (var each in clients)
            {
                await each.UntilAsync(expected);
            }
        }

        Assert.True(states < answers / 2, $"{states} states in {answers} answers");
    }

    private static CursorClient[] Members(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new CursorClient(Topic, $",\"key\":\"client-{i}\""))];

    private static async Task ChangeAsync(CursorHosts hosts, PresenceSession[] sessions, Random random)
    {
        var at = random.Next(sessions.Length);
        var (tracker, key) = (hosts.Tracker(at % 2), $"k{random.Next(6)}");
        var meta = PresenceMeta.From(new { v = random.Next() });
        if (random.Next(2) == 0)
        {
            await tracker.UntrackAsync(sessions[at], Topic, key);
        }
        else if (tracker.GetByKey(Topic, key).Any(e => e.Process == sessions[at].Id && e.Owner.Node == $"n{at % 2}"))
        {
            await tracker.UpdateAsync(sessions[at], Topic, key, meta);
        }
        else
        {
            await tracker.TrackAsync(sessions[at], Topic, key, meta);
        }
    }

    /// <summary>All clients of a room of a thousand lose their connections; they come back after 50 changes.</summary>
    private async Task ReconnectAsync(int clients, int node)
    {
        await using var hosts = await CursorHosts.StartAsync();
        var others = hosts.Node(0).OpenSession();
        var meta = PresenceMeta.From(new { online_at = 1_700_000_000_000 });
        var users = Enumerable.Range(0, Math.Max(1000 - clients, 50));
        await hosts.Tracker(0).TrackManyAsync(
            others, [.. users.Select(i => new TrackRequest(Topic, $"user-{i}", meta))]);
        var all = Members(clients);
        foreach (var some in all.Chunk(100))
        {
            await Task.WhenAll(some.Select(client => client.JoinAsync(hosts[0])));
        }

        await hosts.SettleAsync(Topic);
        var before = hosts.Presences(0, Topic).ToList();
        foreach (var client in all)
        {
            await client.UntilAsync(before);
        }

        var whole = all[^1].Received;
        Array.ForEach(all, client => client.Drop());
        for (var i = 0; i < 20; i++)
        {
            await hosts.Tracker(0).UntrackAsync(others, Topic, $"user-{i}");
            await hosts.Tracker(1).TrackAsync(hosts.Node(1).OpenSession(), Topic, $"new-{i}", meta);
        }

        for (var i = 30; i < 40; i++)
        {
            await hosts.Tracker(0).UpdateAsync(others, Topic, $"user-{i}", PresenceMeta.From(new { online_at = i }));
        }

        await hosts.SettleAsync(Topic);
        var after = hosts.Presences(0, Topic).ToList();
        Assert.Equal(before.Count, after.Count);
        await Task.WhenAll(all.Select(client => client.JoinAsync(hosts[node])));
        Assert.All(all, client =>
        {
            Assert.Equal(after, client.Presences);
            Assert.Equal((0, 1), (client.States, client.Diffs));
            Assert.InRange(client.Received, 1, MaxBytes);
        });
        output.WriteLine(
            $"{clients} clients, node {node}: {all.Min(c => c.Received)} to {all.Max(c => c.Received)} bytes; "
            + $"the whole state {whole} bytes");
        Array.ForEach(all, client => client.Drop());
    }
}
