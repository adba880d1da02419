using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Presence.Benchmarks.Subjects;

/// <summary>Members of one cluster on the embedded engine, with default options but for what is configured.</summary>
internal sealed class Members : IAsyncDisposable
{
    private readonly EmbeddedCluster _cluster = new();
    private readonly List<PresenceNode> _nodes = [];
    private readonly Action<TrackerOptions>? _configure;

    private Members(Action<TrackerOptions>? configure) => _configure = configure;

    public IPresenceNode this[int index] => _nodes[index];

    public static async Task<Members> StartAsync(int count, Action<TrackerOptions>? configure = null)
    {
        var members = new Members(configure);
        for (var i = 0; i < count; i++)
        {
            await members.AddAsync();
        }

        return members;
    }

    public async Task<IPresenceNode> AddAsync()
    {
        var options = new PresenceOptions { NodeName = $"member-{_nodes.Count + 1}" };
        _configure?.Invoke(options.Tracker);
        var node = new PresenceNode(
            _cluster.CreateLink(options.NodeName),
            Options.Create(options),
            TimeProvider.System,
            NullLogger<PresenceNode>.Instance);
        await node.StartAsync(CancellationToken.None);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Makes many present on one member, in a thousand topics and of one process.</summary>
    public static async Task<PresenceProcess> FillAsync(IPresenceNode member, int entries)
    {
        var process = member.StartProcess();
        for (var i = 0; i < entries; i++)
        {
            await member.Tracker.TrackAsync(process, People.Topic(i % 1000), People.Key(i), People.Meta(i));
        }

        return process;
    }

    /// <summary>Presences a member holds, of everybody.</summary>
    public static int Entries(IPresenceTracker tracker) => tracker.Replicas().Sum(replica => replica.Entries);

    /// <summary>Waits until something holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > TimeSpan.FromMinutes(2))
            {
                throw new TimeoutException($"In 2 min it was not reached that {what}.");
            }

            // About a millisecond, and a core for those who are waited for.
            await Task.Delay(millisecondsDelay: 1);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.StopAsync(CancellationToken.None);
            node.Dispose();
        }
    }
}
