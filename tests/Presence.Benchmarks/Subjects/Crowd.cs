namespace Presence.Benchmarks.Subjects;

/// <summary>A node with prepared sessions, keys and metadata to track on it.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly Nodes _nodes;
    private readonly string[] _topics;
    private readonly PresenceMeta[] _metas;

    private Crowd(Nodes nodes, int count, int topics, int presencesEach)
    {
        _nodes = nodes;
        Tracker = nodes[0].Tracker;
        _topics = [.. Enumerable.Range(0, topics).Select(People.Topic)];
        _metas = [.. Enumerable.Range(0, count).Select(i => People.Meta(i))];
        Keys = [.. Enumerable.Range(0, count).Select(People.Key)];
        Processes = new PresenceSession[count];
        for (var i = 0; i < count; i++)
        {
            Processes[i] = i % presencesEach == 0 ? nodes[0].OpenSession() : Processes[i - 1];
        }
    }

    public IPresenceTracker Tracker { get; }

    /// <summary>Session of each presence; one with several presences appears several times in a row.</summary>
    public PresenceSession[] Processes { get; }

    public string[] Keys { get; }

    public static async Task<Crowd> PrepareAsync(int count, int topics, int shards, int presencesEach = 1) =>
        new(await Nodes.StartAsync(1, options => options.PoolSize = shards), count, topics, presencesEach);

    public static async Task<Crowd> TrackedAsync(int count, int topics)
    {
        var crowd = await PrepareAsync(count, topics, shards: 1);
        await crowd.TrackAllAsync(callers: 1);
        return crowd;
    }

    public string TopicOf(int number) => _topics[number % _topics.Length];

    public PresenceMeta MetaOf(int number) => _metas[number];

    /// <summary>Tracks all presences; the callers share the work, each in sequence.</summary>
    public Task TrackAllAsync(int callers)
    {
        var share = Keys.Length / callers;
        return Task.WhenAll(Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var end = caller == callers - 1 ? Keys.Length : (caller + 1) * share;
            for (var i = caller * share; i < end; i++)
            {
                await Tracker.TrackAsync(Processes[i], TopicOf(i), Keys[i], _metas[i]);
            }
        })));
    }

    public ValueTask DisposeAsync() => _nodes.DisposeAsync();
}
