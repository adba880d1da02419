using System.Net;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Presence.Grains;

namespace Presence.Silo;

/// <summary>Makes each node of this process a silo of an Orleans cluster.</summary>
/// <remarks>
/// With a database, silos find each other and agree on who is dead through it. Without one the cluster is of this machine, and one silo is
/// the primary, to which the others come.
/// </remarks>
internal sealed class SiloCluster(SiloOptions options, TextWriter output) : IDisposable
{
    private readonly SiloOrleansOptions _settings = options.Orleans;
    private readonly string? _database = options.Database;
    private readonly SilosStopInTurn.Turns _turns = new();

    /// <summary>The silos of this process, once <see cref="PrepareAsync"/> has completed.</summary>
    public IReadOnlyList<SiloPlace> Places { get; private set; } = [];

    /// <summary>The silo to which the others come; null with a database.</summary>
    public IPEndPoint? Primary { get; private set; }

    /// <summary>The silo of this process that starts before the others: the primary if it is here.</summary>
    public SiloPlace First => Places.FirstOrDefault(IsPrimary) ?? Places[0];

    /// <summary>Whether the primary is a silo of this process.</summary>
    public bool HasPrimary => Places.Any(IsPrimary);

    /// <summary>Assigns the ports, and sees to the primary silo or the database. Call it once, before the silos start.</summary>
    /// <exception cref="SiloStartException">A port or the database cannot be used, or the primary does not answer.</exception>
    public async Task PrepareAsync(CancellationToken stop)
    {
        Check();
        Places = SiloPorts.Assign(options, output);
        if (_database is not null)
        {
            await OrleansDatabase.CreateSchemaAsync(_database, stop);
        }
        else
        {
            Primary = await new PrimarySilo(options, output, TimeProvider.System, PrimarySilo.Default).FindAsync(Places, stop);
        }
    }

    public void AddTo(WebApplicationBuilder builder, SiloPlace place)
    {
        builder.UseOrleans(orleans =>
        {
            if (_database is not null)
            {
                UseDatabase(orleans, _database, place);
            }
            else
            {
                orleans.UseLocalhostClustering(
                    place.SiloPort, place.GatewayPort, IsPrimary(place) ? null : Primary, _settings.ServiceId, _settings.ClusterId);
            }

            orleans.Configure<Orleans.Configuration.SiloOptions>(o => o.SiloName = place.Name);
            orleans.AddPresence();
        });
        builder.Services.AddSingleton<IHostedService>(_ => new SilosStopInTurn(_turns, IsPrimary(place)));
    }

    /// <summary>Checks, once the first silo of this process is up, that it is in the cluster of the primary silo.</summary>
    /// <remarks>Every silo has a membership table, and only that of the primary is in use: through another, a silo would find itself alone.</remarks>
    /// <exception cref="SiloStartException">The silo that it came to is not the primary of its cluster.</exception>
    public void CheckJoined(IServiceProvider services)
    {
        if (Primary is null || HasPrimary)
        {
            return;
        }

        var members = services.GetRequiredService<IClusterMembershipService>().CurrentSnapshot.Members.Values;
        if (!members.Any(member => member.Status == SiloStatus.Active && member.SiloAddress.Endpoint.Equals(Primary)))
        {
            throw new SiloStartException(
                $"The silo at {Primary} is not the primary silo of its cluster. Name the primary with Presence:Orleans:Primary; the host that "
                + "runs it prints its address.");
        }
    }

    public void Dispose() => _turns.Dispose();

    private bool IsPrimary(SiloPlace place) => Primary is not null && PrimarySilo.IsAt(place, Primary);

    private void Check()
    {
        if (_database is not null)
        {
            return;
        }

        if (_settings.Kubernetes)
        {
            throw new SiloStartException(
                "Presence:Orleans:Kubernetes is true and ConnectionStrings:Presence is not set: pods find each other through a database.");
        }

        if (_settings.AdvertisedAddress is { } address && !IPAddress.IsLoopback(address))
        {
            throw new SiloStartException(
                $"Presence:Orleans:AdvertisedAddress is '{address}' and ConnectionStrings:Presence is not set: silos of several machines find "
                + "each other through a database.");
        }
    }

    private void UseDatabase(ISiloBuilder orleans, string database, SiloPlace place)
    {
        orleans.UseAdoNetClustering(o =>
        {
            o.Invariant = "Npgsql";
            o.ConnectionString = OrleansDatabase.In(database);
        });
        orleans.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_settings.ClusterId, _settings.ServiceId));
        orleans.Configure<EndpointOptions>(o => (o.SiloPort, o.GatewayPort) = (place.SiloPort, place.GatewayPort));
        if (_settings.Kubernetes)
        {
            orleans.UseKubernetesHosting();
        }

        if (_settings.AdvertisedAddress is not null || !_settings.Kubernetes)
        {
            Listen(orleans, _settings.AdvertisedAddress ?? IPAddress.Loopback, place);
        }

        orleans.Configure<ClusterMembershipOptions>(o =>
        {
            // A silo that is killed is declared dead after about the product of these two; one that hangs or is cut off
            // after up to four times that, because Orleans probes with longer timeouts first.
            o.ProbeTimeout = _settings.ProbeTimeout;
            o.NumMissedProbesLimit = _settings.MissedProbes;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            o.DefunctSiloExpiration = TimeSpan.FromDays(1);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
    }

    private static void Listen(ISiloBuilder orleans, IPAddress address, SiloPlace place) =>
        orleans.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = address;
            o.SiloListeningEndpoint = new IPEndPoint(address, place.SiloPort);
            o.GatewayListeningEndpoint = new IPEndPoint(address, place.GatewayPort);
        });
}
