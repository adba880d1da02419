using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Presence.Node.Hosting;

namespace Presence.Benchmarks.Subjects;

/// <summary>Nodes of one in-memory cluster, with default options unless configured.</summary>
internal sealed class Nodes : IAsyncDisposable
{
    private readonly InMemoryCluster _cluster = new();
    private readonly List<PresenceNode> _nodes = [];
    private readonly Action<TrackerOptions>? _configure;

    private Nodes(Action<TrackerOptions>? configure) => _configure = configure;

    public IPresenceNode this[int index] => _nodes[index];

    public static async Task<Nodes> StartAsync(int count, Action<TrackerOptions>? configure = null)
    {
        var nodes = new Nodes(configure);
        for (var i = 0; i < count; i++)
        {
            await nodes.AddAsync();
        }

        return nodes;
    }

    public async Task<IPresenceNode> AddAsync()
    {
        var options = new PresenceOptions { NodeName = $"node-{_nodes.Count + 1}" };
        _configure?.Invoke(options.Tracker);
        var node = new PresenceNode(
            _cluster.CreateTransport(options.NodeName),
            Options.Create(options),
            TimeProvider.System,
            NullLogger<PresenceNode>.Instance);
        await node.StartAsync(CancellationToken.None);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Tracks many presences on one node, in a thousand topics and by one session.</summary>
    public static async Task<PresenceSession> FillAsync(IPresenceNode node, int entries)
    {
        var session = node.OpenSession();
        for (var i = 0; i < entries; i++)
        {
            await node.Tracker.TrackAsync(session, People.Topic(i % 1000), People.Key(i), People.Meta(i));
        }

        return session;
    }

    /// <summary>Returns the number of presences that a node lists.</summary>
    public static int Entries(IPresenceTracker tracker) => tracker.Replicas().Sum(replica => replica.Entries);

    /// <summary>Waits until a condition holds.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > TimeSpan.FromMinutes(2))
            {
                throw new TimeoutException($"Not reached within 2 min: {what}.");
            }

            // About a millisecond, which frees the core for the awaited work.
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
