using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Presence.Harness.Conformance;

/// <summary>An engine whose members are made of links: runs nodes over them as an application would.</summary>
public abstract class LinkEngine : IEngine
{
    private readonly List<Func<Task>> _stops = [];

    public abstract int MostFrameBytes { get; }

    public async Task<IEngineMember> StartLinkAsync(string name, IClusterReceiver receiver)
    {
        var link = CreateLink(name);
        await link.StartAsync(receiver, CancellationToken.None);
        var member = new Member(this, link, null);
        _stops.Add(member.StopAsync);
        return member;
    }

    public async Task<IEngineMember> StartNodeAsync(string name, Action<PresenceOptions> configure)
    {
        var services = new ServiceCollection();
        var link = CreateLink(name);
        // As a given instance, not as the container's own: what made it ends it.
        services.AddSingleton(link);
        services.AddPresence(options =>
        {
            options.NodeName = name;
            configure(options);
        });
        var provider = services.BuildServiceProvider();
        var node = new Member(this, link, provider);
        foreach (var hosted in node.Hosted)
        {
            await hosted.StartingAsync(CancellationToken.None);
        }

        _stops.Add(node.StopAsync);
        return node;
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var stop in _stops)
        {
            await stop();
        }

        GC.SuppressFinalize(this);
    }

    protected abstract IClusterLink CreateLink(string name);

    protected abstract Task KillAsync(IClusterLink link);

    private sealed class Member(LinkEngine engine, IClusterLink link, ServiceProvider? services) : IEngineMember
    {
        private int _ended;

        public IClusterLink Link => link;

        public IPresenceNode Node { get; } = services?.GetRequiredService<IPresenceNode>()!;

        public IEnumerable<IHostedLifecycleService> Hosted =>
            services?.GetServices<IHostedService>().OfType<IHostedLifecycleService>() ?? [];

        public async Task StopAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                foreach (var hosted in Hosted)
                {
                    await hosted.StoppingAsync(CancellationToken.None);
                    await hosted.StoppedAsync(CancellationToken.None);
                }

                await (services is null ? link.StopAsync(CancellationToken.None) : Task.CompletedTask);
                (link as IDisposable)?.Dispose();
                await (services?.DisposeAsync() ?? default);
            }
        }

        public async Task KillAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                await engine.KillAsync(link);
                await (services?.DisposeAsync() ?? default);
            }
        }
    }
}
