namespace Presence.Benchmarks.Rows;

/// <summary>
/// Three silos in one process, connected over TCP, with default options unless the row says otherwise.
/// </summary>
internal static class OrleansClusterRows
{
    private const string Group = "orleans cluster";
    private const int Crowd = 100_000;

    private enum Receiver
    {
        Handler,
        Observer,
        Stream,
    }

    public static IEnumerable<Row> All =>
    [
        new(Group, "change to handler on another silo, p50", "ms", e => ChangeAsync(e, 0.5, Receiver.Handler)),
        new(Group, "change to handler on another silo, p99", "ms", e => ChangeAsync(e, 0.99, Receiver.Handler)),
        new(Group, "change to observer on another silo, p50", "ms", e => ChangeAsync(e, 0.5, Receiver.Observer)),
        new(Group, "change to observer on another silo, p99", "ms", e => ChangeAsync(e, 0.99, Receiver.Observer)),
        new(Group, "change to stream subscriber on another silo, p50", "ms", e => ChangeAsync(e, 0.5, Receiver.Stream)),
        new(Group, "change to stream subscriber on another silo, p99", "ms", e => ChangeAsync(
            e, 0.99, Receiver.Stream)),
        new(Group, "change to the last of 1000 observers of a topic on another silo, p50", "ms", ManyObserversAsync),
        new(Group, "late joiner holds 100000, quiet", "ms", _ => LateJoinerAsync()),
        new(Group, "memory per presence tracked through a grain, of 100000", "bytes", _ => MemoryAsync())
        {
            NeedsOwnProcess = true,
        },
        new(Group, "idle, each of three silos, without presence", "% of a core", e => IdleAsync(
            e, null, withPresence: false)),
        new(Group, "idle, each of three silos, default options", "% of a core", e => IdleAsync(e, null)),
        new(Group, "idle, each of three silos, without diff streams", "% of a core", e => IdleAsync(
            e, o => o.TopicStreams = false)),
        new(Group, "idle, each of three silos, pool sizes 1, 2 and 4", "% of a core", e => IdleAsync(
            e, null, poolSizes: [1, 2, 4])),
    ];

    private static async Task<double> ChangeAsync(Effort effort, double share, Receiver receiver)
    {
        await using var silos = await OrleansSilos.StartAsync(3);
        var joins = new Joins();
        await using var listening = await ListenAsync(silos, receiver, joins);
        return Statistics.Percentile(await joins.MeasureAsync(effort, silos[0], warmUp: 20), share);
    }

    private static async Task<double> ManyObserversAsync(Effort effort)
    {
        const int Observers = 1000;
        await using var silos = await OrleansSilos.StartAsync(3);
        var client = silos.ServiceOf<IPresenceClient>(1);
        var received = 0;
        var all = new TaskCompletionSource<long>();
        for (var i = 0; i < Observers; i++)
        {
            await client.SubscribeAsync("lobby", OnChangesAsync);
        }

        var session = silos[0].OpenSession();
        var times = new List<double>();
        for (var i = -5; i < effort.Latencies / 4; i++)
        {
            await Task.Delay(50);
            received = 0;
            all = new(TaskCreationOptions.RunContinuationsAsynchronously);
            var begun = Stopwatch.GetTimestamp();
            await silos[0].Tracker.TrackAsync(session, "lobby", People.Key(i), People.Meta(i));
            var end = await all.Task.WaitAsync(TimeSpan.FromSeconds(30));
            if (i >= 0)
            {
                times.Add(Stopwatch.GetElapsedTime(begun, end).TotalMilliseconds);
            }
        }

        return Statistics.Percentile(times, 0.5);

        ValueTask OnChangesAsync(IReadOnlyList<PresenceChange> changes)
        {
            if (Interlocked.Add(ref received, changes.Count) == Observers)
            {
                all.TrySetResult(Stopwatch.GetTimestamp());
            }

            return default;
        }
    }

    private static async Task<IAsyncDisposable> ListenAsync(OrleansSilos silos, Receiver receiver, Joins joins)
    {
        var client = silos.ServiceOf<IPresenceClient>(1);
        return receiver switch
        {
            Receiver.Handler => await silos[1].Tracker.AddHandlerAsync(joins),
            Receiver.Observer => await client.SubscribeAsync("lobby", joins.OnChangesAsync),
            _ => await client.SubscribeAsync("lobby", joins.OnChangesAsync, SubscriptionKind.Stream),
        };
    }

    /// <summary>Measures from the start of a host until its silo lists all presences of another one.</summary>
    public static async Task<double> LateJoinerAsync()
    {
        await using var silos = await OrleansSilos.StartAsync(1, o => o.TopicStreams = false);
        await Nodes.FillAsync(silos[0], Crowd);
        // From the start of the host, because a new node also waits for the join of Orleans.
        var begun = Stopwatch.GetTimestamp();
        var joiner = await silos.AddAsync();
        await Nodes.UntilAsync(() => Nodes.Entries(joiner!.Tracker) == Crowd, "the joiner lists all 100000");
        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds;
    }

    private static async Task<double> MemoryAsync()
    {
        await using var silos = await OrleansSilos.StartAsync(1, o => o.TopicStreams = false);
        var topics = Enumerable.Range(0, 1000)
            .Select(i => silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>(People.Topic(i)))
            .ToArray();
        await Task.WhenAll(topics.Select(t => t.Count()));
        var before = Memory.Living();
        for (var i = 0; i < Crowd; i++)
        {
            await topics[i % 1000].Track(People.Key(i), People.Meta(i));
        }

        return (Memory.Living() - before) / (double)Crowd;
    }

    private static async Task<double> IdleAsync(
        Effort effort,
        Action<PresenceOrleansOptions>? configure,
        bool withPresence = true,
        int[]? poolSizes = null)
    {
        const int Silos = 3;
        await using var silos = await OrleansSilos.StartAsync(Silos, configure, withPresence, poolSizes);
        await Task.Delay(effort.Watching);
        return 100 * await Processor.ShareAsync(() => Task.Delay(effort.Watching)) / Silos;
    }
}
