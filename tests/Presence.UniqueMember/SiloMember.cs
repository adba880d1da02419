using System.Net.Sockets;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Postgres;
using Presence.Silo;

namespace Presence.UniqueMember;

/// <summary>The member as a silo: grains arbitrate, and in consistent mode take the lease in the database.</summary>
internal static class SiloMember
{
    /// <summary>
    /// A killed silo is declared dead when it has not answered three of these. One that is suspended or cut off, whose connections stay open,
    /// counts as alive for twelve of them (three times <c>MaxProbeTimeout</c>): longer than any schedule lets one stand still.
    /// </summary>
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// A seat counts for so long after it was heard: longer than any schedule lets a silo stand still, so that a pause moves no available process.
    /// </summary>
    private static readonly TimeSpan UniqueLease = TimeSpan.FromSeconds(8);

    /// <summary>A member may be started in the middle of an outage of the database.</summary>
    private static readonly TimeSpan DatabaseTimeout = TimeSpan.FromSeconds(50);

    private const int FirstPort = 20_000;
    private const int FirstOutgoingPort = 32_768;
    private const int MostAttempts = 100;

    public static async Task AddAsync(HostApplicationBuilder builder, MemberSettings settings, Action<PresenceOptions> configureNode)
    {
        await CreateSchemaAsync(settings.Database);
        builder.UseOrleans(silo =>
        {
            silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", OrleansDatabase.In(settings.Database)));
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.Schema, settings.Schema));
            silo.Configure<Orleans.Configuration.SiloOptions>(o => o.SiloName = settings.Name);
            silo.Configure<EndpointOptions>(o =>
            {
                (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (settings.Address, FreePort(settings.Address), FreePort(settings.Address));
                o.SiloListeningEndpoint = new IPEndPoint(settings.Address, o.SiloPort);
                o.GatewayListeningEndpoint = new IPEndPoint(settings.Address, o.GatewayPort);
            });
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                (o.ProbeTimeout, o.NumMissedProbesLimit) = (ProbeTimeout, 3);
                // Two of three may be killed at once, and the third must be able to declare them dead: alone, and without a last probe of the
                // one by way of the other. Otherwise nobody new can join for minutes.
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
                await OrleansDatabase.CreateSchemaAsync(database);
                return;
            }
            catch (SiloStartException) when (Stopwatch.GetElapsedTime(begun) < DatabaseTimeout)
            {
                // Once more.
            }
        }
    }

    /// <summary>
    /// A port below those that the system gives to outgoing connections: one of theirs could be taken by anybody between this look and the
    /// moment when the silo listens.
    /// </summary>
    private static int FreePort(IPAddress address)
    {
        for (var attempts = 0; ; attempts++)
        {
            try
            {
                using var listener = new TcpListener(address, Random.Shared.Next(FirstPort, FirstOutgoingPort));
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException) when (attempts < MostAttempts)
            {
                // Somebody listens there: another.
            }
        }
    }
}
