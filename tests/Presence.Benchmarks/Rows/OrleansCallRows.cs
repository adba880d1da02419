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
        new(Group, "bare call, 100 grains, 100 callers", "calls/s", BareAsync),
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
    private static async Task<double> BareAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1, withPresence: false);
        var grains = Enumerable.Range(0, 100)
            .Select(i => silos.GrainsOf(0).GetGrain<IBareGrain>(People.Topic(i))).ToArray();
        var calls = effort.Tracks * 5;
        await WarmAsync(i => grains[i % grains.Length].Call());
        return await CallAsync(calls, i => grains[i % grains.Length].Call());
    }

    /// <summary>
    /// Makes calls that are not measured, until three seconds in a row were not faster than those before: the JIT
    /// compiler takes seconds for code that many callers use.
    /// </summary>
    public static async Task WarmAsync(Func<int, Task> call)
    {
        var next = -1;
        var most = 0;
        for (var unchanged = 0; unchanged < 3;)
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

    /// <summary>Returns the calls per second.</summary>
    public static async Task<double> CallAsync(int calls, Func<int, Task> call)
    {
        var next = -1;
        var begun = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            for (var i = Interlocked.Increment(ref next); i < calls; i = Interlocked.Increment(ref next))
            {
                await call(i);
            }
        })));
        return calls / Stopwatch.GetElapsedTime(begun).TotalSeconds;
    }
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
