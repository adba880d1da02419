using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Presence.Harness.Conformance;

/// <summary>Runs nodes over cluster transports that are created one by one, as an application would.</summary>
public abstract class TransportFactory : ITestCluster
{
    private readonly List<Func<Task>> _stops = [];

    public abstract int MaxFrameBytes { get; }

    public async Task<ITestClusterNode> StartTransportAsync(string name, IClusterTransportReceiver receiver)
    {
        var transport = CreateTransport(name);
        await transport.StartAsync(receiver, CancellationToken.None);
        var node = new NodeHost(this, transport, null);
        _stops.Add(node.StopAsync);
        return node;
    }

    public async Task<ITestClusterNode> StartNodeAsync(string name, Action<PresenceOptions> configure)
    {
        var services = new ServiceCollection();
        var transport = CreateTransport(name);
        // Registered as an instance, so that the container does not dispose it.
        services.AddSingleton(transport);
        services.AddPresence(options =>
        {
            options.NodeName = name;
            configure(options);
        });
        var provider = services.BuildServiceProvider();
        var node = new NodeHost(this, transport, provider);
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

    protected abstract IClusterTransport CreateTransport(string name);

    protected abstract Task KillAsync(IClusterTransport transport);

    private sealed class NodeHost(
        TransportFactory factory, IClusterTransport transport, ServiceProvider? services) : ITestClusterNode
    {
        private int _ended;

        public IClusterTransport Transport => transport;

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

                await (services is null ? transport.StopAsync(CancellationToken.None) : Task.CompletedTask);
                (transport as IDisposable)?.Dispose();
                await (services?.DisposeAsync() ?? default);
            }
        }

        public async Task KillAsync()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
            {
                await factory.KillAsync(transport);
                await (services?.DisposeAsync() ?? default);
            }
        }
    }
}
