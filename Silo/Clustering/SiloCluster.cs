using System.Net;
using Orleans.Configuration;
using Orleans.Dashboard;
using Orleans.Hosting;
using Orleans.Runtime;
using Presence.Grains;

namespace Presence.Silo;

/// <summary>Configures each node of this process as a silo of an Orleans cluster.</summary>
/// <remarks>
/// With a database, membership is in its tables. Without one, the cluster is limited to this machine, and the silos
/// join through a primary silo.
/// </remarks>
internal sealed class SiloCluster(SiloOptions options, TextWriter output) : IDisposable
{
    private readonly SiloOrleansOptions _settings = options.Orleans;
    private readonly string? _database = options.Database;
    private readonly SequentialSiloShutdown.ShutdownOrder _shutdownOrder = new();

    /// <summary>Gets the silos of this process, once <see cref="PrepareAsync"/> has completed.</summary>
    public IReadOnlyList<SiloEndpoints> Silos { get; private set; } = [];

    /// <summary>Gets the address of the primary silo; null with a database.</summary>
    public IPEndPoint? Primary { get; private set; }

    /// <summary>Gets the silo that starts first: the primary if it is in this process.</summary>
    public SiloEndpoints First => Silos.FirstOrDefault(IsPrimary) ?? Silos[0];

    public bool HasPrimary => Silos.Any(IsPrimary);

    /// <summary>
    /// Assigns ports and finds the primary silo or prepares the database. Call once, before the silos start.
    /// </summary>
    /// <exception cref="SiloStartException">
    /// A port or the database is unavailable, or the primary does not answer.
    /// </exception>
    public async Task PrepareAsync(CancellationToken stop)
    {
        Check();
        Silos = SiloPorts.Assign(options, output);
        if (_database is not null)
        {
            await OrleansDatabase.CreateSchemaAsync(_database, stop);
        }
        else
        {
            Primary = await new PrimarySilo(options, output, TimeProvider.System, PrimarySilo.Default).FindAsync(
                Silos, stop);
        }
    }

    public void AddTo(WebApplicationBuilder builder, SiloEndpoints endpoints)
    {
        builder.UseOrleans(orleans =>
        {
            if (_database is not null)
            {
                UseDatabase(orleans, _database, endpoints);
            }
            else
            {
                orleans.UseLocalhostClustering(
                    endpoints.SiloPort, endpoints.GatewayPort, IsPrimary(endpoints) ? null : Primary,
                    _settings.ServiceId, _settings.ClusterId);
            }

            orleans.Configure<Orleans.Configuration.SiloOptions>(o => o.SiloName = endpoints.Name);
            orleans.AddPresence();
            if (options.OrleansDashboard)
            {
                orleans.AddDashboard();
            }
        });
        builder.Services.AddSingleton<IHostedService>(
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
    private bool IsPrimary(SiloEndpoints endpoints) => Primary is not null && PrimarySilo.IsAt(endpoints, Primary);

    private void Check()
    {
        if (_database is not null)
        {
            return;
        }

        if (_settings.Kubernetes)
        {
            throw new SiloStartException(
                "Presence:Orleans:Kubernetes is true without ConnectionStrings:Presence: pods require a database.");
        }

        if (_settings.AdvertisedAddress is { } address && !IPAddress.IsLoopback(address))
        {
            throw new SiloStartException(
                $"Presence:Orleans:AdvertisedAddress is '{address}' without ConnectionStrings:Presence: "
                + "silos of several machines require a database.");
        }
    }

    private void UseDatabase(ISiloBuilder orleans, string database, SiloEndpoints endpoints)
    {
        orleans.UseAdoNetClustering(o =>
        {
            o.Invariant = "Npgsql";
            o.ConnectionString = OrleansDatabase.In(database);
        });
        orleans.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_settings.ClusterId, _settings.ServiceId));
        orleans.Configure<EndpointOptions>(
            o => (o.SiloPort, o.GatewayPort) = (endpoints.SiloPort, endpoints.GatewayPort));
        if (_settings.Kubernetes)
        {
            orleans.UseKubernetesHosting();
        }

        if (_settings.AdvertisedAddress is not null || !_settings.Kubernetes)
        {
            Listen(orleans, _settings.AdvertisedAddress ?? IPAddress.Loopback, endpoints);
        }

        orleans.Configure<ClusterMembershipOptions>(o =>
        {
            // A killed silo is declared dead after about the product of these two; a hanging or disconnected one after
            // up to four times that, because Orleans probes with longer timeouts first.
            o.ProbeTimeout = _settings.ProbeTimeout;
            o.NumMissedProbesLimit = _settings.MissedProbes;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(10);

            // A silo that starts waits for every silo of the table that was alive in this time, and one that votes
            // needs others that were. With the default of 90 s a cluster of three that lost two took 95 s to recover.
            o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(2);
            o.NumMissedTableIAmAliveLimit = 3;
            o.DefunctSiloExpiration = TimeSpan.FromDays(1);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
    }

    private static void Listen(ISiloBuilder orleans, IPAddress address, SiloEndpoints endpoints) =>
        orleans.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = address;
            o.SiloListeningEndpoint = new IPEndPoint(address, endpoints.SiloPort);
            o.GatewayListeningEndpoint = new IPEndPoint(address, endpoints.GatewayPort);
        });
}
