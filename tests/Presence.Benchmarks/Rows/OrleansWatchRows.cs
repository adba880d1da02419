namespace Presence.Benchmarks.Rows;

/// <summary>What changes and subscriptions cost while they come at a fixed rate, or not at all.</summary>
internal static class OrleansWatchRows
{
    private const string Group = "orleans watch";
    private const int Subscriptions = 2000;

    public static IEnumerable<Row> All =>
    [
        new(Group, "change to observer on another silo at 100/s, p50", "ms", e => PacedAsync(e, 0.5)),
        new(Group, "change to observer on another silo at 100/s, p99", "ms", e => PacedAsync(e, 0.99)),
        new(Group, "processor per change at 1000/s, three silos, observer on another", "us", e =>
            ProcessorAsync(e, silos: 3, present: 0)),
        new(Group, "processor per change at 1000/s, three silos, pool sizes 1, 2 and 4", "us", e =>
            ProcessorAsync(e, silos: 3, present: 0, poolSizes: [1, 2, 4])),
        new(Group, "processor per change at 1000/s, one silo, subscription of 600", "us", e =>
            ProcessorAsync(e, silos: 1, present: 600)),
        new(Group, "processor per change at 1000/s, one silo, subscription of 60000", "us", e =>
            ProcessorAsync(e, silos: 1, present: 60_000)),
        new(Group, "2000 idle subscriptions, silo and client together", "% of a core", IdleSubscriptionsAsync),
    ];

    private static async Task<double> PacedAsync(Effort effort, double share)
    {
        await using var silos = await OrleansSilos.StartAsync(3);
        var joins = new Joins();
        var client = silos.ServiceOf<IPresenceClient>(1);
        await using var listening = await client.SubscribeAsync("lobby", joins.OnChangesAsync);
        var session = silos[0].OpenSession();
        var times = new List<Task<double>>();
        await PaceAsync(100, effort.Latencies * 2, i => times.Add(joins.TimeAsync(silos[0], session, i)));
        return Statistics.Percentile((await Task.WhenAll(times)).Skip(effort.Latencies / 2).ToList(), share);
    }

    /// <summary>Returns the processor time per change beyond that of the silos when they are idle afterwards.</summary>
    private static async Task<double> ProcessorAsync(Effort effort, int silos, int present, int[]? poolSizes = null)
    {
        const int PerSecond = 1000;
        await using var cluster = await OrleansSilos.StartAsync(silos, poolSizes: poolSizes);
        var session = cluster[0].OpenSession();
        for (var i = 0; i < present; i++)
        {
            await cluster[0].Tracker.TrackAsync(session, "lobby", $"present {i}", People.Meta(i));
        }

        var received = 0;
        await using var subscription = await cluster.ServiceOf<IPresenceClient>(silos - 1).SubscribeAsync(
            "lobby",
            changes =>
            {
                Interlocked.Add(ref received, changes.Count);
                return default;
            });
        var changes = (int)(effort.Watching.TotalSeconds * PerSecond);
        await ChangeAsync(changes);
        await Jit.WaitUntilIdleAsync();
        await ChangeAsync(changes);
        await Jit.WaitUntilIdleAsync();
        await Processors.WaitUntilNearAsync();
        var busy = await Processor.ShareAsync(() => ChangeAsync(changes));
        var idle = await Processor.ShareAsync(() => Task.Delay(effort.Watching));
        return (busy - idle) * 1e6 / PerSecond;

        async Task ChangeAsync(int count)
        {
            received = 0;
            await PaceAsync(PerSecond, count, i => _ = cluster[0].Tracker.TrackAsync(
                session, "lobby", People.Key(Interlocked.Increment(ref present)), People.Meta(i)).AsTask());
            await Nodes.UntilAsync(() => Volatile.Read(ref received) == count, "all changes arrived");
        }
    }

    private static async Task<double> IdleSubscriptionsAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        await Task.Delay(effort.Watching);
        var without = await Processor.ShareAsync(() => Task.Delay(effort.Watching));
        var client = silos.ServiceOf<IPresenceClient>(0);
        for (var i = 0; i < Subscriptions; i++)
        {
            await client.SubscribeAsync(People.Topic(i), _ => default, (SubscriptionKind)(i % 2));
        }

        await Task.Delay(effort.Watching);
        return 100 * (await Processor.ShareAsync(() => Task.Delay(effort.Watching)) - without);
    }

    /// <summary>Acts at a fixed rate; what is late is caught up.</summary>
    internal static async Task PaceAsync(int perSecond, int count, Action<int> act)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            while (Stopwatch.GetElapsedTime(begun).TotalSeconds * perSecond < i)
            {
                await Task.Delay(1);
            }

            act(i);
        }
    }
}
