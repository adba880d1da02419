namespace Presence.Benchmarks.Subjects;

/// <summary>A member and people who are about to be tracked on it: processes, keys and metadata are made beforehand.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly Members _members;
    private readonly string[] _topics;
    private readonly PresenceMeta[] _metas;

    private Crowd(Members members, int count, int topics, int presencesEach)
    {
        _members = members;
        Tracker = members[0].Tracker;
        _topics = [.. Enumerable.Range(0, topics).Select(People.Topic)];
        _metas = [.. Enumerable.Range(0, count).Select(i => People.Meta(i))];
        Keys = [.. Enumerable.Range(0, count).Select(People.Key)];
        Processes = new PresenceProcess[count];
        for (var i = 0; i < count; i++)
        {
            Processes[i] = i % presencesEach == 0 ? members[0].StartProcess() : Processes[i - 1];
        }
    }

    public IPresenceTracker Tracker { get; }

    /// <summary>By number of the presence; a process with several presences appears several times in a row.</summary>
    public PresenceProcess[] Processes { get; }

    public string[] Keys { get; }

    public static async Task<Crowd> PrepareAsync(int count, int topics, int shards, int presencesEach = 1) =>
        new(await Members.StartAsync(1, options => options.PoolSize = shards), count, topics, presencesEach);

    public static async Task<Crowd> TrackedAsync(int count, int topics)
    {
        var crowd = await PrepareAsync(count, topics, shards: 1);
        await crowd.TrackAllAsync(callers: 1);
        return crowd;
    }

    public string TopicOf(int number) => _topics[number % _topics.Length];

    public PresenceMeta MetaOf(int number) => _metas[number];

    /// <summary>Tracks everybody; the callers share the work, each in sequence.</summary>
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

    public ValueTask DisposeAsync() => _members.DisposeAsync();
}
