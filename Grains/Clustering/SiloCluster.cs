using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Presence.Grains.Clustering;

/// <summary>Makes each silo of one process a node of an Orleans cluster, which it forms or joins.</summary>
/// <remarks>
/// With a clustering provider, membership is where that stores it. Without one, the cluster is limited to this machine,
/// and the silos join through a primary silo.
/// </remarks>
/// <param name="plan">The silos.</param>
/// <param name="output">Where decisions are printed: other ports, the cluster that is joined.</param>
/// <param name="useProvider">Adds the clustering provider to a silo; null for none.</param>
internal sealed class SiloCluster(SiloPlan plan, TextWriter output, Action<ISiloBuilder>? useProvider) : IDisposable
{
    private readonly SiloClusterOptions _options = plan.Options;
    private readonly SequentialSiloShutdown.ShutdownOrder _shutdownOrder = new();
    private readonly TaskCompletionSource _allStop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _stopping;

    /// <summary>Gets the silos of this process, once <see cref="PrepareAsync"/> has completed.</summary>
    public IReadOnlyList<SiloEndpoints> Silos { get; private set; } = [];

    /// <summary>Gets the address of the primary silo; null with a provider.</summary>
    public IPEndPoint? Primary { get; private set; }

    /// <summary>Gets the silo that starts first: the primary if it is in this process.</summary>
    /// <remarks>
    /// Start the others one after the other: of two concurrent joins one conflicts in the membership table and retries
    /// after 3 s.
    /// </remarks>
    public SiloEndpoints First => Silos.FirstOrDefault(IsPrimary) ?? Silos[0];

    public bool HasPrimary => Silos.Any(IsPrimary);

    /// <summary>Assigns ports and finds the primary silo. Call once, before the silos start.</summary>
    /// <exception cref="SiloStartException">A port is unavailable, or the primary does not answer.</exception>
    public async Task PrepareAsync(CancellationToken stop)
    {
        Check();
        Silos = SiloPorts.Assign(plan, output);
        if (useProvider is null)
        {
            Primary = await new PrimarySilo(_options, output, TimeProvider.System, PrimarySilo.Default).FindAsync(
                Silos, stop);
        }
    }

    /// <summary>Configures a silo with presence. Nodes leave together when they stop, silos stop in turn.</summary>
    public void AddTo(ISiloBuilder silo, SiloEndpoints endpoints)
    {
        if (useProvider is not null)
        {
            UseProvider(silo, useProvider, endpoints);
        }
        else
        {
            silo.UseLocalhostClustering(
                endpoints.SiloPort, endpoints.GatewayPort, IsPrimary(endpoints) ? null : Primary,
                _options.ServiceId, _options.ClusterId);
        }

        silo.Configure<SiloOptions>(o => o.SiloName = endpoints.Name);
        silo.AddPresence(configureNode: node => node.NodeName = endpoints.Name);

        // Hosted services stop in reverse order: the drain runs before the node leaves, which is before the silo stops.
        silo.Services.AddSingleton<IHostedService>(_ => new CoordinatedDrain(AllStopAsync));
        silo.Services.AddSingleton<IHostedService>(
            _ => new SequentialSiloShutdown(_shutdownOrder, IsPrimary(endpoints)));
    }

    /// <summary>Checks, once the first silo has started, that it is in the cluster of the primary silo.</summary>
    /// <remarks>
    /// Every silo has a membership table, but only that of the primary is used: through another silo, it would stay
    /// alone.
    /// </remarks>
    /// <exception cref="SiloStartException">The configured silo is not the primary of its cluster.</exception>
    public void CheckJoined(IServiceProvider services)
    {
        if (Primary is null || HasPrimary)
        {
            return;
        }

        var nodes = services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot.Members.Values;
        if (!nodes.Any(node => node.Status == SiloStatus.Active && node.SiloAddress.Endpoint.Equals(Primary)))
        {
            throw new SiloStartException(
                $"The silo at {Primary} is not the primary silo of its cluster. Name the primary with "
                + "Presence:Orleans:Primary; the host that runs it prints its address.");
        }
    }

    public void Dispose() => _shutdownOrder.Dispose();

    /// <summary>Completes when the nodes of all silos have called it at the begin of their stop.</summary>
    private Task AllStopAsync()
    {
        if (Interlocked.Increment(ref _stopping) >= Silos.Count)
        {
            _allStop.TrySetResult();
        }

        return _allStop.Task;
    }

    private bool IsPrimary(SiloEndpoints endpoints) => Primary is not null && PrimarySilo.IsAt(endpoints, Primary);

    private void Check()
    {
        if (useProvider is not null)
        {
            return;
        }

        if (_options.Kubernetes)
        {
            throw new SiloStartException(
                "Presence:Orleans:Kubernetes is true without ConnectionStrings:Presence: pods require a database.");
        }

        if (_options.AdvertisedAddress is { } address && !IPAddress.IsLoopback(address))
        {
            throw new SiloStartException(
                $"Presence:Orleans:AdvertisedAddress is '{address}' without ConnectionStrings:Presence: "
                + "silos of several machines require a database.");
        }
    }

    private void UseProvider(ISiloBuilder silo, Action<ISiloBuilder> useProvider, SiloEndpoints endpoints)
    {
        silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_options.ClusterId, _options.ServiceId));
        silo.Configure<EndpointOptions>(
            o => (o.SiloPort, o.GatewayPort) = (endpoints.SiloPort, endpoints.GatewayPort));

        // In a pod the provider replaces the address, unless one is configured.
        useProvider(silo);
        if (_options.AdvertisedAddress is not null || !_options.Kubernetes)
        {
            Listen(silo, _options.AdvertisedAddress ?? IPAddress.Loopback, endpoints);
        }

        silo.Configure<ClusterMembershipOptions>(o =>
        {
            // A killed silo is declared dead after about the product of these two; a hanging or disconnected one after
            // up to four times that, because Orleans probes with longer timeouts first.
            o.ProbeTimeout = _options.ProbeTimeout;
            o.NumMissedProbesLimit = _options.MissedProbes;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(10);

            // A silo that starts waits for every silo of the table that was alive in this time, and one that votes
            // needs others that were. With the default of 90 s a cluster of three that lost two took 95 s to recover.
            o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
            o.NumMissedTableIAmAliveLimit = 3;
            o.DefunctSiloExpiration = TimeSpan.FromDays(1);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
    }

    private static void Listen(ISiloBuilder silo, IPAddress address, SiloEndpoints endpoints) =>
        silo.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = address;
            o.SiloListeningEndpoint = new IPEndPoint(address, endpoints.SiloPort);
            o.GatewayListeningEndpoint = new IPEndPoint(address, endpoints.GatewayPort);
        });
}
