using System.Collections.Concurrent;
using Orleans;
using Orleans.Concurrency;
using Orleans.Placement;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// What twenty lines of Orleans do for one topic without this library: a grain with a dictionary that calls its
/// observers. It loses all presences with its silo, ends none of a lost client, and every read is a call to one silo.
/// </summary>
internal static class OrleansByHandRows
{
    private const string Group = "orleans by hand";

    public static IEnumerable<Row> All =>
    [
        new(Group, "track, 100 topics, 100 callers", "calls/s", e => TrackAsync(e, isWatched: false)),
        new(Group, "track, 100 watched topics, 100 callers", "calls/s", e => TrackAsync(e, isWatched: true)),
        new(Group, "list 1000 after one change", "calls/s", ListAsync),
        new(Group, "change to observer on another silo at 100/s, p50", "ms", e => PacedAsync(e, 0.5)),
        new(Group, "change to observer on another silo at 100/s, p99", "ms", e => PacedAsync(e, 0.99)),
        new(Group, "processor per change at 1000/s, three silos, observer on another", "us", ProcessorAsync),
    ];

    private static async Task<double> TrackAsync(Effort effort, bool isWatched)
    {
        await using var silos = await OrleansSilos.StartAsync(1, withPresence: false);
        var factory = silos.GrainsOf(0);
        var grains = Enumerable.Range(0, 100)
            .Select(i => factory.GetGrain<IHandWrittenTopicGrain>(People.Topic(i))).ToArray();
        var observer = new HandWrittenObserver();
        var reference = factory.CreateObjectReference<IHandWrittenObserver>(observer);
        foreach (var grain in isWatched ? grains : [])
        {
            await grain.Subscribe(reference);
        }

        var metas = Enumerable.Range(0, effort.Tracks * 2).Select(i => People.Meta(i)).ToArray();
        var warm = 0;
        await OrleansCallRows.WarmAsync(async i =>
        {
            await grains[i % 100].Track($"warm {i % 1000}", metas[i % metas.Length]);
            Interlocked.Increment(ref warm);
        });
        await ReceivedAsync(warm);
        return await OrleansCallRows.CallAsync(
            metas.Length,
            i => grains[i % 100].Track(People.Key(i), metas[i]),
            calls => ReceivedAsync(warm + calls));

        Task ReceivedAsync(int all) => isWatched
            ? Nodes.UntilAsync(() => observer.Received == all, "the observer has all")
            : Task.CompletedTask;
    }

    private static async Task<double> ListAsync(Effort effort)
    {
        await using var silos = await OrleansSilos.StartAsync(1, withPresence: false);
        var topic = silos.GrainsOf(0).GetGrain<IHandWrittenTopicGrain>("lobby");
        for (var i = 0; i < 1000; i++)
        {
            await topic.Track(People.Key(i), People.Meta(i));
        }

        return await OrleansCallRows.ChangeAndListAsync(
            effort, i => topic.Track(People.Key(i % 1000), People.Meta(i)), () => topic.List());
    }

    private static async Task<double> PacedAsync(Effort effort, double share)
    {
        await using var silos = await OrleansSilos.StartAsync(3, withPresence: false);
        var (topic, observer) = await ObserveAsync(silos);
        var times = new List<Task<double>>();
        await OrleansWatchRows.PaceAsync(100, effort.Latencies * 2, i => times.Add(TimeAsync(i)));
        return Statistics.Percentile((await Task.WhenAll(times)).Skip(effort.Latencies / 2).ToList(), share);

        async Task<double> TimeAsync(int i)
        {
            var arrived = observer.ArrivalOf(People.Key(i));
            var begun = Stopwatch.GetTimestamp();
            await topic.Track(People.Key(i), People.Meta(i));
            return Stopwatch.GetElapsedTime(begun, await arrived).TotalMilliseconds;
        }
    }

    private static async Task<double> ProcessorAsync(Effort effort)
    {
        const int PerSecond = 1000;
        await using var silos = await OrleansSilos.StartAsync(3, withPresence: false);
        var (topic, observer) = await ObserveAsync(silos);
        var changes = (int)(effort.Watching.TotalSeconds * PerSecond);
        var made = 0;
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
            var until = observer.Received + count;
            await OrleansWatchRows.PaceAsync(
                PerSecond, count, i => _ = topic.Track(People.Key(made++), People.Meta(i)));
            await Nodes.UntilAsync(() => observer.Received == until, "all changes arrived");
        }
    }

    /// <summary>Activates a topic on the first silo, with an observer on the second.</summary>
    private static async Task<(IHandWrittenTopicGrain Topic, HandWrittenObserver Observer)> ObserveAsync(
        OrleansSilos silos)
    {
        var topic = silos.GrainsOf(0).GetGrain<IHandWrittenTopicGrain>("lobby");
        await topic.Track("first", People.Meta(0));
        var observer = new HandWrittenObserver();
        await topic.Subscribe(silos.GrainsOf(1).CreateObjectReference<IHandWrittenObserver>(observer));
        return (topic, observer);
    }
}

/// <summary>Receives the changes of a topic.</summary>
public interface IHandWrittenObserver : IGrainObserver
{
    /// <summary>A key joined or has new metadata.</summary>
    [OneWay]
    Task OnJoined(string key, PresenceMeta meta);
}

/// <summary>One topic.</summary>
public interface IHandWrittenTopicGrain : IGrainWithStringKey
{
    /// <summary>Adds a key, or replaces its metadata.</summary>
    Task Track(string key, PresenceMeta meta);

    /// <summary>Returns all keys.</summary>
    Task<KeyValuePair<string, PresenceMeta>[]> List();

    /// <summary>Adds an observer.</summary>
    Task Subscribe(IHandWrittenObserver observer);
}

/// <inheritdoc cref="IHandWrittenTopicGrain"/>
[PreferLocalPlacement]
public sealed class HandWrittenTopicGrain : Grain, IHandWrittenTopicGrain
{
    private readonly Dictionary<string, PresenceMeta> _present = new(StringComparer.Ordinal);
    private readonly List<IHandWrittenObserver> _observers = [];

    /// <inheritdoc/>
    public Task Track(string key, PresenceMeta meta)
    {
        _present[key] = meta;
        _observers.ForEach(observer => observer.OnJoined(key, meta).Ignore());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<KeyValuePair<string, PresenceMeta>[]> List() => Task.FromResult(_present.ToArray());

    /// <inheritdoc/>
    public Task Subscribe(IHandWrittenObserver observer)
    {
        _observers.Add(observer);
        return Task.CompletedTask;
    }
}

/// <summary>Counts changes, and notes when expected ones arrive.</summary>
internal sealed class HandWrittenObserver : IHandWrittenObserver
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource<long>> _expected =
        new(StringComparer.Ordinal);
    private int _received;

    public int Received => Volatile.Read(ref _received);

    public Task<long> ArrivalOf(string key) => _expected.GetOrAdd(
        key, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task.WaitAsync(TimeSpan.FromSeconds(30));

    public Task OnJoined(string key, PresenceMeta meta)
    {
        Interlocked.Increment(ref _received);
        if (_expected.TryRemove(key, out var expected))
        {
            expected.SetResult(Stopwatch.GetTimestamp());
        }

        return Task.CompletedTask;
    }
}
