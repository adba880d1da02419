using System.Net;
using System.Net.Sockets;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;

namespace Presence.Silo;

/// <summary>Each member is a silo of one Orleans cluster.</summary>
/// <remarks>
/// With a database, silos find each other and agree on who is dead through it. Without one the cluster is of this machine: silo and gateway ports follow the HTTP port, and the silo of the member on
/// port 4000 is the primary, to which the others come. Where the system chooses the HTTP ports, it chooses these too, and the
/// first member of the process is the primary.
/// </remarks>
internal sealed class OrleansEngine(SiloOptions options) : Engine, IDisposable
{
    private const int FirstHttpPort = 4000;
    private const int FirstSiloPort = 11111;
    private const int FirstGatewayPort = 30000;

    private static readonly TimeSpan PrimaryTimeout = TimeSpan.FromSeconds(20);

    private readonly SiloOrleansOptions _settings = options.Orleans;
    private readonly string? _database = options.Database;
    private readonly SemaphoreSlim _stopping = new(1);
    private IPEndPoint? _primary;

    public override string Name => "orleans";

    public override void AddTo(WebApplicationBuilder builder, MemberPlace place)
    {
        var silo = PortOf(place, FirstSiloPort, _settings.SiloPort, "SiloPort");
        var gateway = PortOf(place, FirstGatewayPort, _settings.GatewayPort, "GatewayPort");
        CheckFree(silo, "SiloPort", place);
        CheckFree(gateway, "GatewayPort", place);
        builder.UseOrleans(orleans =>
        {
            if (_database is null && _settings.Kubernetes)
            {
                throw new SiloStartException(
                    "Presence:Orleans:Kubernetes is true and ConnectionStrings:Presence is not set: pods find each other through a database.");
            }

            if (_database is null)
            {
                UseLocalhost(orleans, silo, gateway);
            }
            else
            {
                UseDatabase(orleans, _database, silo, gateway);
            }

            orleans.Configure<Orleans.Configuration.SiloOptions>(o => o.SiloName = place.Name);
            orleans.AddPresence();
        });
        if (_database is not null)
        {
            builder.Services.AddSingleton<IHostedService>(_ => new OrleansStopsInTurn(_stopping));
        }
    }

    public override Task PrepareAsync(CancellationToken stop) =>
        _database is null ? FindPrimaryAsync(stop) : OrleansDatabase.CreateSchemaAsync(_database, stop);

    public override Task CreateSchemaAsync() => OrleansDatabase.CreateSchemaAsync(_database!);

    public void Dispose() => _stopping.Dispose();

    private void UseDatabase(ISiloBuilder orleans, string database, int silo, int gateway)
    {
        orleans.UseAdoNetClustering(o =>
        {
            o.Invariant = "Npgsql";
            o.ConnectionString = OrleansDatabase.In(database);
        });
        orleans.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (_settings.ClusterId, _settings.ServiceId));
        orleans.Configure<EndpointOptions>(o => (o.SiloPort, o.GatewayPort) = (silo, gateway));
        if (_settings.Kubernetes)
        {
            orleans.UseKubernetesHosting();
        }

        if (_settings.AdvertisedAddress is not null || !_settings.Kubernetes)
        {
            Listen(orleans, _settings.AdvertisedAddress ?? IPAddress.Loopback, silo, gateway);
        }

        orleans.Configure<ClusterMembershipOptions>(o =>
        {
            // A silo that is killed is declared dead after about the product of these two.
            o.ProbeTimeout = _settings.ProbeTimeout;
            o.NumMissedProbesLimit = _settings.MissedProbes;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(10);
            o.DefunctSiloExpiration = TimeSpan.FromDays(1);
            o.DefunctSiloCleanupPeriod = TimeSpan.FromHours(1);
        });
    }

    private static void Listen(ISiloBuilder orleans, IPAddress address, int silo, int gateway) =>
        orleans.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = address;
            o.SiloListeningEndpoint = new IPEndPoint(address, silo);
            o.GatewayListeningEndpoint = new IPEndPoint(address, gateway);
        });

    private void UseLocalhost(ISiloBuilder orleans, int silo, int gateway)
    {
        // Where the system chose the ports, the first member is the primary.
        _primary ??= new IPEndPoint(IPAddress.Loopback, silo);
        var isPrimary = IsHere(_primary, silo);
        orleans.UseLocalhostClustering(silo, gateway, isPrimary ? null : _primary, _settings.ServiceId, _settings.ClusterId);
    }

    /// <summary>The setting, counted on for each member; or the HTTP port's distance from 4000; or what the system chooses.</summary>
    private static int PortOf(MemberPlace place, int first, int? setting, string name)
    {
        if (setting is null && place.Port == 0)
        {
            return FreePort();
        }

        var port = setting is { } configured ? configured + place.Number - 1 : first + place.Port - FirstHttpPort;
        return port is > 0 and <= 65535
            ? port
            : throw new SiloStartException(
                $"Engine orleans: the HTTP port {place.Port} gives {port} for Presence:Orleans:{name}, which is no port; set it.");
    }

    /// <summary>Orleans would say it too, in pages, and could not be stopped in order afterwards.</summary>
    private void CheckFree(int port, string name, MemberPlace place)
    {
        if (_settings.Kubernetes && _settings.AdvertisedAddress is null)
        {
            // A pod has an address of its own, on which nobody else listens.
            return;
        }

        var address = _settings.AdvertisedAddress ?? IPAddress.Loopback;
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new SiloStartException(
                $"Engine orleans: member {place.Name} cannot listen on {address}:{port}, its Presence:Orleans:{name}: {e.Message}. "
                + "Stop what listens there, or choose another port or Presence:Orleans:AdvertisedAddress.");
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Waits for the primary, if it is none of this process: members may be started side by side.</summary>
    private async Task FindPrimaryAsync(CancellationToken stop)
    {
        var port = options.PortOf(1);
        _primary = _settings.Primary ?? (port == 0 ? null : new IPEndPoint(IPAddress.Loopback, FirstSiloPort));
        if (_primary is null || IsHere(_primary, PortOf(new MemberPlace(1, options.MemberName(1), port), FirstSiloPort, _settings.SiloPort, "SiloPort")))
        {
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(PrimaryTimeout);
        while (!await AnswersAsync(_primary, patience.Token))
        {
            stop.ThrowIfCancellationRequested();
            if (patience.IsCancellationRequested)
            {
                throw new SiloStartException(
                    $"Engine orleans: no primary silo answers at {_primary}. Without a database the member on HTTP port {FirstHttpPort} is the "
                    + "primary: start it first, name another with Presence:Orleans:Primary, or set ConnectionStrings:Presence.");
            }
        }
    }

    private static bool IsHere(IPEndPoint primary, int silo) => primary.Port == silo && IPAddress.IsLoopback(primary.Address);

    private static async Task<bool> AnswersAsync(IPEndPoint primary, CancellationToken patience)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(primary, patience);
            return true;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }
    }
}
