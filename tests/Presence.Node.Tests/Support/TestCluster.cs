namespace Presence.Node.Tests.Support;

/// <summary>Members on the embedded engine, each with its own services, as an application would have them.</summary>
internal sealed class TestCluster(TimeProvider? time = null, int inboxCapacity = 65_536) : IAsyncDisposable
{
    private readonly List<ServiceProvider> _services = [];

    public EmbeddedCluster Engine { get; } = new(time, inboxCapacity);

    public static async Task<TestCluster> OfAsync(int members, Action<PresenceOptions>? configure = null, TimeProvider? time = null)
    {
        var cluster = new TestCluster(time);
        for (var i = 0; i < members; i++)
        {
            await cluster.AddAsync($"n{i}", configure);
        }

        return cluster;
    }

    public IServiceProvider Services(int member) => _services[member];

    public IPresenceNode this[int member] => _services[member].GetRequiredService<IPresenceNode>();

    public IPresenceTracker Tracker(int member) => this[member].Tracker;

    /// <summary>The tracker of the first member, and a process there.</summary>
    public (IPresenceTracker Tracker, PresenceProcess Process) First() => (Tracker(0), this[0].StartProcess());

    public async Task<PresenceNode> AddAsync(
        string name,
        Action<PresenceOptions>? configure = null,
        IClusterLink? link = null,
        Action<IServiceCollection>? more = null)
    {
        var services = new ServiceCollection();
        if (time is not null)
        {
            services.AddSingleton(time);
        }

        services.AddSingleton(link ?? Engine.CreateLink(name));
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

    public async Task StopAsync(int member)
    {
        // In reverse, as a host does.
        var all = _services[member].GetServices<IHostedService>().OfType<IHostedLifecycleService>().Reverse().ToArray();
        foreach (var hosted in all)
        {
            await hosted.StoppingAsync(default);
        }

        foreach (var hosted in all)
        {
            await hosted.StoppedAsync(default);
        }
    }

    /// <summary>Waits until every member holds all others.</summary>
    public static async Task UntilMembersAsync(TestCluster cluster, int members)
    {
        // A presence of each member, seen by all, is proof of it.
        var processes = Enumerable.Range(0, members).Select(m => cluster[m].StartProcess()).ToArray();
        for (var member = 0; member < members; member++)
        {
            await cluster.Tracker(member).TrackAsync(processes[member], "hello", "k");
        }

        for (var member = 0; member < members; member++)
        {
            var tracker = cluster.Tracker(member);
            await UntilAsync(tracker, () => tracker.Count("hello") == members, "all members see each other");
        }

        foreach (var process in processes)
        {
            process.End();
        }
    }

    /// <summary>Tracks k in topic t on the first member and waits until the second lists it.</summary>
    public async Task TrackAndSeeAsync()
    {
        await Tracker(0).TrackAsync(this[0].StartProcess(), "t", "k");
        await UntilAsync(Tracker(1), () => Tracker(1).Count("t") == 1, "k is there");
    }

    /// <summary>Waits until a member knows so much of the unique process "job".</summary>
    public async Task<IUniqueProcessDirectory> KnowsAsync(int member, Func<UniqueProcessStatus?, bool> isSo)
    {
        var directory = Services(member).GetRequiredService<IUniqueProcessDirectory>();
        await UntilAsync(this[member].GetTracker("unique"), () => isSo(directory.Find("job")), $"n{member} knows");
        return directory;
    }

    /// <inheritdoc cref="OnDiff.UntilAsync"/>
    public static Task UntilAsync(IPresenceTracker tracker, Func<bool> isSo, string what) =>
        OnDiff.UntilAsync(tracker, isSo, what);

    public async ValueTask DisposeAsync()
    {
        for (var i = 0; i < _services.Count; i++)
        {
            await StopAsync(i);
            await _services[i].DisposeAsync();
        }
    }
}
