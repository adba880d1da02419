using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Harness.Networks;

namespace Presence.Benchmarks.Subjects;

/// <summary>Silos in this process, connected over TCP on the loopback address, each with presence.</summary>
internal sealed class OrleansSilos : IAsyncDisposable
{
    private readonly List<IHost> _hosts = [];
    private readonly Action<PresenceOrleansOptions>? _configure;
    private readonly bool _withPresence;
    private IPEndPoint? _primary;

    private OrleansSilos(Action<PresenceOrleansOptions>? configure, bool withPresence)
    {
        _configure = configure;
        _withPresence = withPresence;
    }

    public static async Task<OrleansSilos> StartAsync(
        int count,
        Action<PresenceOrleansOptions>? configure = null,
        bool withPresence = true)
    {
        var silos = new OrleansSilos(configure, withPresence);
        for (var i = 0; i < count; i++)
        {
            await silos.AddAsync();
        }

        return silos;
    }

    public IPresenceNode this[int index] => ServiceOf<IPresenceNode>(index);

    public IGrainFactory GrainsOf(int index) => ServiceOf<IGrainFactory>(index);

    public T ServiceOf<T>(int index)
        where T : notnull => _hosts[index].Services.GetRequiredService<T>();

    public async Task<IPresenceNode?> AddAsync()
    {
        var silo = FreePorts.Find(2);
        _primary ??= new IPEndPoint(IPAddress.Loopback, silo);
        var name = $"silo-{_hosts.Count + 1}";
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(orleans =>
        {
            orleans.UseLocalhostClustering(silo, silo + 1, _primary);
            orleans.Configure<SiloOptions>(o => o.SiloName = name);
            if (_withPresence)
            {
                orleans.AddPresence(_configure);
            }
        });
        var host = builder.Build();
        _hosts.Add(host);
        await host.StartAsync();
        return host.Services.GetService<IPresenceNode>();
    }

    public async ValueTask DisposeAsync()
    {
        _hosts.Reverse();
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
    }
}
