using System.Diagnostics;
using Presence.Tracker.Views;

namespace Presence.Benchmarks.Rows;

/// <summary>Views of a large topic: the cost of a change for one view, and of its first page.</summary>
internal static class ViewRows
{
    private const string Group = "view";
    private const int Large = 1_000_000;
    private const int Changes = 2000;

    /// <summary>How long changes are applied to a small topic before the others, so that code is optimized.</summary>
    private static readonly TimeSpan UntilSteady = TimeSpan.FromSeconds(2);

    private static readonly PresenceView FirstKeys = new() { First = 50 };
    private static readonly PresenceView Filtered = new()
    {
        First = 50,
        Where = new Dictionary<string, string> { ["/status"] = "busy" },
    };

    public static IEnumerable<Row> All
    {
        get
        {
            var run = new OneRun(MeasureAsync);
            return
            [
                new(Group, $"first page of a view of 50 in {Large}", "ms", run.Value(0)),
                new(Group, $"first page of the first filtered view of 50 in {Large}", "ms", run.Value(1)),
                new(Group, $"first page of another filtered view of 50 in {Large}", "ms", run.Value(2)),
                new(Group, $"change anywhere in {Large} for a view of 50", "us", run.Value(3)),
                new(Group, $"change among the first 100 of {Large} for a view of 50", "us", run.Value(4)),
                new(Group, $"change anywhere in {Large} for a filtered view of 50", "us", run.Value(5)),
            ];
        }
    }

    private static async Task<IReadOnlyList<double>> MeasureAsync(Effort effort)
    {
        await using var nodes = await Nodes.StartAsync(1, options => options.AddIndex("*", "/status"));
        var (tracker, session) = (nodes[0].Tracker, nodes[0].OpenSession());
        string[] keys = [.. Enumerable.Range(0, Large).Select(i => i.ToString("d7"))];
        foreach (var some in keys.Chunk(10_000))
        {
            TrackRequest[] requests = [.. some.Select(key => new TrackRequest("large", key, Meta(key, 0)))];
            await tracker.TrackManyAsync(session, requests);
        }

        // Code that has run before, as on a server.
        await tracker.TrackManyAsync(
            session, [.. keys[..1000].Select(key => new TrackRequest("warm", key, Meta(key, 0)))]);
        for (var i = 0; i < 50; i++)
        {
            FirstPage(tracker, FirstKeys with { Prefix = $"000{i % 10}" }, "warm");
            FirstPage(tracker, Filtered with { Prefix = $"000{i % 10}" }, "warm");
        }

        for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < UntilSteady;)
        {
            await ChangeAsync(tracker, session, FirstKeys, keys[..1000], "warm");
            await ChangeAsync(tracker, session, Filtered, keys[..1000], "warm");
        }

        return
        [
            FirstPage(tracker, FirstKeys),
            FirstPage(tracker, Filtered),
            FirstPage(tracker, Filtered with { Prefix = "05" }),
            await ChangeAsync(tracker, session, FirstKeys, keys),
            await ChangeAsync(tracker, session, FirstKeys, keys[..100]),
            await ChangeAsync(tracker, session, Filtered, keys),
        ];
    }

    private static PresenceMeta Meta(string key, int version) =>
        PresenceMeta.From(new { status = key[^1] == '0' ? "busy" : "free", version });

    private static double FirstPage(IPresenceTracker tracker, PresenceView view, string topic = "large")
    {
        var begin = Stopwatch.GetTimestamp();
        using var subscription = tracker.Subscribe(topic, view, _ => { });
        if (topic == "large" && subscription.Snapshot.Count != 50)
        {
            throw new InvalidOperationException("The first page is not full.");
        }

        return Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
    }

    /// <summary>Makes changes, and applies them to a view again while the time is taken.</summary>
    private static async Task<double> ChangeAsync(
        IPresenceTracker tracker, PresenceSession session, PresenceView view, string[] keys, string topic = "large")
    {
        var random = new Random(1);
        var diffs = new List<TopicDiff>();
        using var whole = tracker.Subscribe(topic, diffs.Add);
        for (var i = 0; i < Changes; i++)
        {
            var key = keys[random.Next(keys.Length)];
            if (tracker.GetByKey(topic, key).Count == 0)
            {
                await tracker.TrackAsync(session, topic, key, Meta(key, i));
            }
            else if (i % 2 == 0)
            {
                await tracker.UntrackAsync(session, topic, key);
            }
            else
            {
                await tracker.UpdateAsync(session, topic, key, Meta(key, i));
            }
        }

        await tracker.DeliveredAsync();
        var views = new TopicViews<object>(whole.Snapshot);
        views.Add(view, view);
        var changed = 0;
        var begin = Stopwatch.GetTimestamp();
        foreach (var diff in diffs)
        {
            views.Apply(diff.Changes, diff.View!.Snapshot, (_, changes, _) => changed += changes.Count);
        }

        var elapsed = Stopwatch.GetElapsedTime(begin);
        if (keys.Length <= 100 && changed == 0)
        {
            throw new InvalidOperationException("The view has not changed.");
        }

        return elapsed.TotalMicroseconds / diffs.Sum(diff => diff.Changes.Count);
    }
}
