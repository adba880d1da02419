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
    private readonly int[]? _poolSizes;
    private IPEndPoint? _primary;

    private OrleansSilos(Action<PresenceOrleansOptions>? configure, bool withPresence, int[]? poolSizes)
    {
        _configure = configure;
        _withPresence = withPresence;
        _poolSizes = poolSizes;
    }

    /// <param name="count">Number of silos.</param>
    /// <param name="configure">Changes options of each; null for the defaults.</param>
    /// <param name="withPresence">Whether they have presence; otherwise they are those of Orleans alone.</param>
    /// <param name="poolSizes">The pool size of each silo; null for the default.</param>
    public static async Task<OrleansSilos> StartAsync(
        int count,
        Action<PresenceOrleansOptions>? configure = null,
        bool withPresence = true,
        int[]? poolSizes = null)
    {
        var silos = new OrleansSilos(configure, withPresence, poolSizes);
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

            if (_poolSizes?[_hosts.Count] is { } poolSize)
            {
                orleans.Services.Configure<PresenceOptions>(o => o.Tracker.PoolSize = poolSize);
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
