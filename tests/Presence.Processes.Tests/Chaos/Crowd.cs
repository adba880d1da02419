namespace Presence.Processes.Tests.Chaos;

/// <summary>
/// Users in rooms of ten, spread over all nodes. Between <see cref="Live"/> and <see cref="CalmAsync"/> they update,
/// leave and rejoin. Checks that each sees exactly the present users.
/// </summary>
internal sealed class Crowd : IAsyncDisposable
{
    private const int RoomSize = 10;
    private const int MaxJoinsAtOnce = 200;

    /// <summary>Time between two actions of all users.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _door = new(MaxJoinsAtOnce);
    private readonly List<Task> _staying = [];
    private readonly List<Task> _acting = [];
    private readonly Func<IReadOnlyList<NodeProcess>> _nodes;
    private readonly Random _random;
    private readonly Lock _gate = new();
    private CancellationTokenSource _calm = new();
    private Task _living = Task.CompletedTask;

    private Crowd(List<SimulatedUser> people, Func<IReadOnlyList<NodeProcess>> nodes, int seed)
    {
        People = people;
        _nodes = nodes;
        _random = new Random(seed);
    }

    public IReadOnlyList<SimulatedUser> People { get; }

    /// <summary>The number of updates, leaves and dropped connections that were started.</summary>
    public int Acts { get; private set; }

    /// <param name="count">Number of users, ten to a room.</param>
    /// <param name="nodes">Returns the nodes that accept joins.</param>
    public static async Task<Crowd> GatherAsync(
        int count, Func<IReadOnlyList<NodeProcess>> nodes, History history, int seed)
    {
        var people = new List<SimulatedUser>();
        for (var i = 0; i < count; i++)
        {
            var user = $"p{i}";
            var token = await nodes()[i % nodes().Count].TokenAsync(user);
            people.Add(new SimulatedUser(user, $"room:{i / RoomSize}", token, history));
        }

        var crowd = new Crowd(people, nodes, seed);
        crowd._staying.AddRange(
            people.Select(person => person.StayAsync(crowd.Choose, crowd._door, crowd._stop.Token)));
        return crowd;
    }

    /// <summary>Starts the users' actions, until <see cref="CalmAsync"/>.</summary>
    public void Live()
    {
        _calm = new CancellationTokenSource();
        _living = LiveAsync(_calm.Token);
    }

    /// <summary>Ends all actions but rejoins, and waits for those that were started.</summary>
    public async Task CalmAsync()
    {
        await _calm.CancelAsync();
        await _living;
        await Task.WhenAll(_acting);
        _acting.Clear();
        _calm.Dispose();
    }

    /// <summary>Waits until every user sees exactly the users of the room, in their last versions.</summary>
    /// <exception cref="TimeoutException">Not met in time; the message names the users.</exception>
    public Task<TimeSpan> AgreeAsync(TimeSpan within) => TestTimeouts.UntilAsync(
        "every user sees exactly the present users",
        within,
        () => !Disagreements().Any(),
        () => string.Join('\n', Disagreements().Take(20)));

    /// <summary>Waits until a node itself counts the present users: a new node has no clients yet.</summary>
    /// <exception cref="TimeoutException">Not met in time; the message names the rooms.</exception>
    public async Task CountedByAsync(NodeProcess node, TimeSpan within)
    {
        IReadOnlyList<string> miscounts = [];
        await TestTimeouts.UntilAsync(
            $"{node.Name} counts the present users",
            within,
            async () => (miscounts = await MiscountsAsync(node)).Count == 0,
            () => string.Join('\n', miscounts.Take(20)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_staying);
        _door.Dispose();
        _stop.Dispose();
    }

    private async Task<IReadOnlyList<string>> MiscountsAsync(NodeProcess node)
    {
        using var answer = JsonDocument.Parse(await node.ReadAsync("api/topics?limit=1000"));
        var counted = answer.RootElement.GetProperty("topics").EnumerateArray()
            .ToDictionary(t => t.GetProperty("topic").GetString()!, t => t.GetProperty("count").GetInt32());
        return
        [
            .. from room in People.GroupBy(person => person.Room)
               let count = counted.GetValueOrDefault(room.Key)
               where count != room.Count()
               select $"{node.Name} counts {count} of {room.Count()} in {room.Key}",
        ];
    }

    private async Task LiveAsync(CancellationToken calm)
    {
        using var pace = new PeriodicTimer(Pace);
        try
        {
            while (await pace.WaitForNextTickAsync(calm))
            {
                var (person, dice) = (People[Next(People.Count)], Next(100));
                _acting.RemoveAll(act => act.IsCompleted);
                _acting.Add(
                    person.ActAsync(dice < 85 ? UserAction.Update : dice < 95 ? UserAction.Leave : UserAction.Drop));
                Acts++;
            }
        }
        catch (OperationCanceledException)
        {
            // Cancelled.
        }
    }

    private IEnumerable<string> Disagreements()
    {
        foreach (var room in People.GroupBy(person => person.Room))
        {
            var disconnected = room.Where(person => person.Client is null).ToList();
            if (disconnected.Count > 0)
            {
                yield return $"{disconnected.Count} of {room.Key} are not connected";
                continue;
            }

            var expected = room.ToDictionary(person => person.Client!.Presence, person => person.Acknowledged);
            foreach (var person in room)
            {
                var shown = person.Client!.Presences;
                if (shown.Count != expected.Count
                    || shown.Any(one => !expected.TryGetValue(one.Presence, out var version) || one.Version < version))
                {
                    yield return $"{person.Client.Presence} on {person.Client.Node.Name} sees "
                        + $"{string.Join(' ', shown.Select(one => $"{one.Presence}v{one.Version}"))} instead of "
                        + string.Join(' ', expected.Select(one => $"{one.Key}v{one.Value}"));
                }
            }
        }
    }

    private (NodeProcess Node, double Pause) Choose()
    {
        var nodes = _nodes();
        lock (_gate)
        {
            return (nodes[_random.Next(nodes.Count)], _random.NextDouble());
        }
    }

    private int Next(int most)
    {
        lock (_gate)
        {
            return _random.Next(most);
        }
    }
}
