using Presence.Node.Hosting;

namespace Presence.Node.Tests.Support;

/// <summary>Nodes in one in-memory cluster, each with its own services, as in an application.</summary>
internal sealed class TestCluster(TimeProvider? time = null, int inboxCapacity = 65_536) : IAsyncDisposable
{
    private readonly List<ServiceProvider> _services = [];

    public InMemoryCluster InMemory { get; } = new(time, inboxCapacity);

    public static async Task<TestCluster> OfAsync(
        int nodes, Action<PresenceOptions>? configure = null, TimeProvider? time = null)
    {
        var cluster = new TestCluster(time);
        for (var i = 0; i < nodes; i++)
        {
            await cluster.AddAsync($"n{i}", configure);
        }

        return cluster;
    }

    public IServiceProvider Services(int node) => _services[node];

    public IPresenceNode this[int node] => _services[node].GetRequiredService<IPresenceNode>();

    public IPresenceTracker Tracker(int node) => this[node].Tracker;

    /// <summary>Returns the tracker of the first node and a new session there.</summary>
    public (IPresenceTracker Tracker, PresenceSession Session) First() => (Tracker(0), this[0].OpenSession());

    public async Task<PresenceNode> AddAsync(
        string name,
        Action<PresenceOptions>? configure = null,
        IClusterTransport? transport = null,
        Action<IServiceCollection>? more = null)
    {
        var services = new ServiceCollection();
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        services.AddSingleton(transport ?? InMemory.CreateTransport(name));
        services.AddPresence(o =>
        {
            o.NodeName = name;
            configure?.Invoke(o);
        });
        more?.Invoke(services);
        var provider = services.BuildServiceProvider();
        _services.Add(provider);
        foreach (var hosted in provider.GetServices<IHostedService>().OfType<IHostedLifecycleService>())
        {
            await hosted.StartingAsync(default);
        }

        foreach (var hosted in provider.GetServices<IHostedService>().OfType<IHostedLifecycleService>())
        {
            await hosted.StartedAsync(default);
        }

        return provider.GetRequiredService<PresenceNode>();
    }

    public async Task StopAsync(int node)
    {
        // In reverse order, as a host does.
        var all = _services[node].GetServices<IHostedService>().OfType<IHostedLifecycleService>().Reverse().ToArray();
        foreach (var hosted in all)
        {
            await hosted.StoppingAsync(default);
        }

        foreach (var hosted in all)
        {
            await hosted.StoppedAsync(default);
        }
    }

    /// <summary>Waits until every node knows all others.</summary>
    public static async Task UntilNodesAsync(TestCluster cluster, int nodes)
    {
        // Proven by a presence of each node that all nodes list.
        var sessions = Enumerable.Range(0, nodes).Select(m => cluster[m].OpenSession()).ToArray();
        for (var node = 0; node < nodes; node++)
        {
            await cluster.Tracker(node).TrackAsync(sessions[node], "hello", "k");
        }

        for (var node = 0; node < nodes; node++)
        {
            var tracker = cluster.Tracker(node);
            await UntilAsync(tracker, () => tracker.Count("hello") == nodes, "all nodes see each other");
        }

        foreach (var session in sessions)
        {
            session.End();
        }
    }

    /// <summary>Tracks k in topic t on the first node and waits until the second lists it.</summary>
    public async Task TrackAndSeeAsync()
    {
        await Tracker(0).TrackAsync(this[0].OpenSession(), "t", "k");
        await UntilAsync(Tracker(1), () => Tracker(1).Count("t") == 1, "k is there");
    }

    /// <summary>Waits until a node's directory has a given status of the unique process "job".</summary>
    public async Task<IUniqueProcessDirectory> KnowsAsync(int node, Func<UniqueProcessStatus?, bool> isSo)
    {
        var directory = Services(node).GetRequiredService<IUniqueProcessDirectory>();
        await UntilAsync(this[node].GetTracker("unique"), () => isSo(directory.Find("job")), $"n{node} knows");
        return directory;
    }

    /// <inheritdoc cref="OnDiff.UntilAsync"/>
    public static Task UntilAsync(IPresenceTracker tracker, Func<bool> isSo, string condition) =>
        OnDiff.UntilAsync(tracker, isSo, condition);

    public async ValueTask DisposeAsync()
    {
        for (var i = 0; i < _services.Count; i++)
        {
            await StopAsync(i);
            await _services[i].DisposeAsync();
        }
    }
}
