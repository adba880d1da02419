using System.Security.Claims;

namespace Presence.Benchmarks.Rows;

/// <summary>Friend lists: users who watch the keys of others.</summary>
internal static class KeyWatchRows
{
    private const string Group = "keys";
    private const int Users = 1000;
    private const int Friends = 1000;

    /// <summary>Users among whom the friends are; a tenth of them is present.</summary>
    private const int Population = 100_000;

    public static IEnumerable<Row> All =>
    [
        .. Row.OfOneRun(
            Group,
            ConnectAsync,
            clients: Users,
            fewest: Users,
            ($"{Users} users with {Friends} friends each connect, processor time", "ms", "connect"),
            ($"edge of {Users} users with {Friends} friends each", "B", "edge"),
            ($"change of a key with {Users} watches", "us", "change")),
    ];

    private static async Task<Dictionary<string, double>> ConnectAsync(int users)
    {
        await using var nodes = await Nodes.StartAsync(1);
        var (tracker, session) = (nodes[0].Tracker, nodes[0].OpenSession());
        for (var i = 0; i < Population; i += 10)
        {
            await tracker.TrackAsync(session, $"user:{i}", KeyOf(i));
        }

        await CloseAsync(await OpenAsync(tracker, FriendsOf(users / 10, seed: 1)));

        // Texts of their own, as each request has them; what is known here already belongs to the watches later.
        var without = Memory.Living();
        var friends = FriendsOf(users, seed: 2);
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        var watches = await OpenAsync(tracker, friends);
        self.Refresh();
        var used = self.TotalProcessorTime - before;
        friends.Clear();
        var edge = (Memory.Living() - without) / (double)(users * Friends);
        await CloseAsync(watches);
        return new()
        {
            ["connect"] = used.TotalMilliseconds,
            ["edge"] = edge,
            ["change"] = await ChangeAsync(tracker, session, users),
        };
    }

    /// <summary>Measures from the join of a key until all its watches have it.</summary>
    private static async Task<double> ChangeAsync(IPresenceTracker tracker, PresenceSession session, int users)
    {
        var watches = await OpenAsync(tracker, [.. Enumerable.Range(0, users).Select(_ => new[] { "star" })]);
        var next = watches.Select(watch => watch.MoveNextAsync().AsTask()).ToArray();
        var begun = Stopwatch.GetTimestamp();
        await tracker.TrackAsync(session, "user:star", "star");
        await Task.WhenAll(next);
        var elapsed = Stopwatch.GetElapsedTime(begun);
        await CloseAsync(watches);
        return elapsed.TotalMicroseconds;
    }

    private static async Task<List<IAsyncEnumerator<IReadOnlyList<KeyChange>>>> OpenAsync(
        IPresenceTracker tracker, List<string[]> friends)
    {
        var (watches, authorizer) = (new List<IAsyncEnumerator<IReadOnlyList<KeyChange>>>(), new Authorizer());
        var user = new ClaimsPrincipal(new ClaimsIdentity("benchmark"));
        foreach (var keys in friends)
        {
            var watch = tracker.WatchKeysAsync(keys, "user:*", authorizer, user).GetAsyncEnumerator();
            await watch.MoveNextAsync();
            watches.Add(watch);
        }

        return watches;
    }

    private static async Task CloseAsync(List<IAsyncEnumerator<IReadOnlyList<KeyChange>>> watches)
    {
        foreach (var watch in watches)
        {
            await watch.DisposeAsync();
        }
    }

    private static List<string[]> FriendsOf(int users, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, users).Select(_ =>
        {
            var friends = new HashSet<string>();
            while (friends.Count < Friends)
            {
                friends.Add(KeyOf(random.Next(Population)));
            }

            return friends.ToArray();
        })];
    }

    private static string KeyOf(int user) => $"user-{user:d6}";

    /// <summary>Decides by the last digit: one friend in ten is hidden.</summary>
    private sealed class Authorizer : IPresenceAuthorizer
    {
        public ValueTask<bool> IsAllowedAsync(PresenceAccess access) => new(access.Key![^1] != '7');
    }
}
