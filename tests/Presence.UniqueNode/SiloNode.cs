using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Harness.Networks;
using Presence.Postgres;

namespace Presence.UniqueNode;

/// <summary>Configures the silo: elections by grains, with leases in the database in consistent mode.</summary>
internal static class SiloNode
{
    /// <summary>
    /// A killed silo is declared dead after three failed probes. A suspended or disconnected one, whose connections
    /// stay open, counts as alive for twelve (three times <c>MaxProbeTimeout</c>): longer than any scheduled pause.
    /// </summary>
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>Longer than any scheduled pause, so that a pause moves no available process.</summary>
    private static readonly TimeSpan UniqueLease = TimeSpan.FromSeconds(8);

    /// <summary>A node may be started during a database outage.</summary>
    private static readonly TimeSpan DatabaseTimeout = TimeSpan.FromSeconds(50);

    public static async Task AddAsync(
        HostApplicationBuilder builder, NodeSettings settings, Action<PresenceOptions> configureNode)
    {
        await CreateSchemaAsync(settings.Database);
        var port = FreePorts.Find(2);
        builder.UseOrleans(silo =>
        {
            silo.UseAdoNetClustering(o =>
            {
                (o.Invariant, o.ConnectionString) = (
                    "Npgsql", PostgresSiloTables.ConnectionString(settings.Database));
            });
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.Schema, settings.Schema));
            silo.Configure<SiloOptions>(o => o.SiloName = settings.Name);
            silo.Configure<EndpointOptions>(o =>
            {
                (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (settings.Address, port, port + 1);
                o.SiloListeningEndpoint = new IPEndPoint(settings.Address, o.SiloPort);
                o.GatewayListeningEndpoint = new IPEndPoint(settings.Address, o.GatewayPort);
            });
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                (o.ProbeTimeout, o.NumMissedProbesLimit) = (ProbeTimeout, 3);
                // If two of three are killed at once, the third must be able to declare them dead alone, without an
                // indirect probe through the other. Otherwise no silo can join for minutes.
                (o.NumVotesForDeathDeclaration, o.EnableIndirectProbes) = (1, false);
            });
            silo.AddPresence(o => o.UniqueLease = UniqueLease, configureNode);
        });
        builder.Services.AddPostgresLeases(settings.Database, postgres => postgres.Schema = settings.Schema);
    }

    private static async Task CreateSchemaAsync(string database)
    {
        var begun = Stopwatch.GetTimestamp();
        using var attempts = new PeriodicTimer(TimeSpan.FromMilliseconds(200));
        while (await attempts.WaitForNextTickAsync())
        {
            try
            {
                await PostgresSiloTables.CreateAsync(database);
                return;
            }
            catch (PresencePostgresException) when (Stopwatch.GetElapsedTime(begun) < DatabaseTimeout)
            {
                // Retry.
            }
        }
    }
}
