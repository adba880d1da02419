using Orleans;

namespace Presence.Benchmarks.Rows;

/// <summary>Grain calls on one silo from inside it, by 100 concurrent callers.</summary>
internal static class OrleansCallRows
{
    private const string Group = "orleans calls";
    private const int Callers = 100;
    private const int Present = 1000;

    public static IEnumerable<Row> All =>
    [
        new(Group, "bare call, 100 grains, 100 callers", "calls/s", effort => BareAsync(effort, grains: 100)),
        new(Group, "bare call, one grain, 100 callers", "calls/s", effort => BareAsync(effort, grains: 1)),
        new(Group, "bare call, one grain, silo with presence, 100 callers", "calls/s", effort => BareAsync(
            effort, grains: 1, withPresence: true)),
        new(Group, "count, one topic, 100 callers", "calls/s", effort => ReadAsync(effort, topic => topic.Count())),
        new(Group, "get by key in 1000, one topic, 100 callers", "calls/s", effort =>
            ReadAsync(effort, topic => topic.GetByKey("777"))),
        new(Group, "list 1000, one topic, 100 callers", "calls/s", effort => ReadAsync(
            effort, topic => topic.List(), divide: 50)),
        new(Group, "list 1000 after one change, one topic", "calls/s", ListChangedAsync),
    ];

    private static async Task<double> ReadAsync(Effort effort, Func<ITopicPresenceGrain, Task> read, int divide = 1)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var session = silos[0].OpenSession();
        for (var i = 0; i < Present; i++)
        {
            await silos[0].Tracker.TrackAsync(session, "lobby", People.Key(i), People.Meta(i));
        }

        var topic = silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>("lobby");
        var calls = effort.Tracks * 5 / divide;
        await WarmAsync(_ => read(topic));
        return await CallAsync(calls, _ => read(topic));
    }

    private static async Task<double> ListChangedAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1);
        var session = silos[0].OpenSession();
        var tracker = silos[0].Tracker;
        for (var i = 0; i < Present; i++)
        {
            await tracker.TrackAsync(session, "lobby", People.Key(i), People.Meta(i));
        }

        var topic = silos.GrainsOf(0).GetGrain<ITopicPresenceGrain>("lobby");
        return await ChangeAndListAsync(
            effort,
            i => tracker.UpdateAsync(session, "lobby", People.Key(i % Present), People.Meta(i)).AsTask(),
            () => topic.List());
    }

    /// <summary>Returns the lists per second of one caller, each after one change, whose time does not count.</summary>
    public static async Task<double> ChangeAndListAsync(Effort effort, Func<int, Task> change, Func<Task> list)
    {
        var lists = effort.Tracks / 50;
        var took = TimeSpan.Zero;
        for (var i = -lists / 4; i < lists; i++)
        {
            await change(Math.Abs(i));
            var begun = Stopwatch.GetTimestamp();
            await list();
            took += i >= 0 ? Stopwatch.GetElapsedTime(begun) : TimeSpan.Zero;
        }

        return lists / took.TotalSeconds;
    }

    /// <summary>Measures Orleans alone: a call of a grain that does nothing.</summary>
    private static async Task<double> BareAsync(Effort effort, int grains, bool withPresence = false)
    {
        await using var silos = await OrleansSilos.StartAsync(1, withPresence: withPresence);
        var all = Enumerable.Range(0, grains)
            .Select(i => silos.GrainsOf(0).GetGrain<IBareGrain>(People.Topic(i))).ToArray();
        await WarmAsync(i => all[i % grains].Call());
        return await CallAsync(effort.Tracks * 5, i => all[i % grains].Call());
    }

    /// <summary>
    /// Makes calls that are not measured, for 15 s and until four seconds in a row were not faster than those before.
    /// The JIT compiler takes that long for code that many callers use; for the first seconds nothing seems to happen.
    /// </summary>
    public static async Task WarmAsync(Func<int, Task> call)
    {
        var next = -1;
        var most = 0;
        var started = Stopwatch.GetTimestamp();
        for (var unchanged = 0; unchanged < 4 || Stopwatch.GetElapsedTime(started).TotalSeconds < 15;)
        {
            var before = next;
            var begun = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
            {
                while (Stopwatch.GetElapsedTime(begun).TotalSeconds < 1)
                {
                    await call(Interlocked.Increment(ref next));
                }
            })));
            unchanged = next - before > most * 1.05 ? 0 : unchanged + 1;
            most = Math.Max(most, next - before);
        }
    }

    /// <summary>
    /// Returns the calls per second: the median of five parts, because other programs may use the machine. Each begins
    /// when the processors are near each other, and notes how near they were.
    /// </summary>
    /// <param name="calls">The number of calls.</param>
    /// <param name="call">Makes one.</param>
    /// <param name="received">Waits until the subscribers have received the changes of so many calls.</param>
    public static async Task<double> CallAsync(int calls, Func<int, Task> call, Func<int, Task>? received = null)
    {
        const int Parts = 5;
        var next = -1;
        var rates = new List<double>();
        var distances = new List<double>();
        await Jit.WaitUntilIdleAsync();
        for (var part = 1; part <= Parts; part++)
        {
            var (first, end) = (calls / Parts * (part - 1), calls / Parts * part);
            next = first - 1;
            distances.Add(await Processors.WaitUntilNearAsync());
            var begun = Stopwatch.GetTimestamp();
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
            {
                for (var i = Interlocked.Increment(ref next); i < end; i = Interlocked.Increment(ref next))
                {
                    await call(i);
                }
            })));
            await (received?.Invoke(end) ?? Task.CompletedTask);
            rates.Add((end - first) / Stopwatch.GetElapsedTime(begun).TotalSeconds);
        }

        distances.Add(Processors.RoundTrip());
        await Console.Error.WriteLineAsync(
            $"# round trip between processors before each part and at the end, ns: {Listed(distances)}; calls/s of the "
            + $"parts: {Listed(rates)}");
        rates.Sort();
        return rates[Parts / 2];
    }

    private static string Listed(List<double> values) =>
        string.Join(" ", values.Select(value => value.ToString("F0", CultureInfo.InvariantCulture)));
}

/// <summary>A grain that does nothing.</summary>
public interface IBareGrain : IGrainWithStringKey
{
    /// <summary>Completes at once.</summary>
    Task<int> Call();
}

/// <inheritdoc cref="IBareGrain"/>
public sealed class BareGrain : Grain, IBareGrain
{
    /// <inheritdoc/>
    public Task<int> Call() => Task.FromResult(1);
}
