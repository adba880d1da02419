using Microsoft.Extensions.Hosting;

namespace Presence.Node.Tests.Support;

/// <summary>Members on the embedded engine, each with its own services, as an application would have them.</summary>
internal sealed class TestCluster(TimeProvider? time = null, int inboxCapacity = 65_536) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

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

    /// <summary>Waits until something is so, woken by every change of the tracker it concerns.</summary>
    public static async Task UntilAsync(IPresenceTracker tracker, Func<bool> isSo, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        var changed = new SemaphoreSlim(0);
        await using var handler = await tracker.AddHandlerAsync(new Told(_ => changed.Release()));
        while (!isSo())
        {
            try
            {
                await changed.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"In {Patience} it did not become so that {what}.");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = 0; i < _services.Count; i++)
        {
            await StopAsync(i);
            await _services[i].DisposeAsync();
        }
    }
}

/// <summary>A handler that passes on what it is told.</summary>
internal sealed class Told(Action<PresenceDiff> onDiff, Action<object>? onInfo = null) : IPresenceHandler
{
    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        onDiff(diff);
        return default;
    }

    public ValueTask HandleInfoAsync(object message, CancellationToken cancellation)
    {
        onInfo?.Invoke(message);
        return default;
    }
}
