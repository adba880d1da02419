using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Node;
using Presence.Postgres;
using Presence.Silo;

namespace Presence.UniqueMember;

/// <summary>The member as a silo: grains arbitrate, and in consistent mode take the lease in the database.</summary>
internal static class SiloMember
{
    /// <summary>A silo is declared dead when it has not answered three of these: later than any schedule lets one stand still.</summary>
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(2);

    private const int FirstPort = 20_000;
    private const int FirstOutgoingPort = 32_768;
    private const int MostAttempts = 100;

    public static async Task AddAsync(HostApplicationBuilder builder, MemberSettings settings, Action<PresenceOptions> configureNode)
    {
        await OrleansDatabase.CreateSchemaAsync(settings.Database);
        builder.UseOrleans(silo =>
        {
            silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", OrleansDatabase.In(settings.Database)));
            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (settings.Schema, settings.Schema));
            silo.Configure<Orleans.Configuration.SiloOptions>(o => o.SiloName = settings.Name);
            silo.Configure<EndpointOptions>(o =>
            {
                (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (IPAddress.Loopback, FreePort(), FreePort());
                o.SiloListeningEndpoint = new IPEndPoint(IPAddress.Loopback, o.SiloPort);
                o.GatewayListeningEndpoint = new IPEndPoint(IPAddress.Loopback, o.GatewayPort);
            });
            silo.Configure<ClusterMembershipOptions>(o =>
            {
                (o.ProbeTimeout, o.NumMissedProbesLimit) = (ProbeTimeout, 3);
                // Two of three may be killed at once, and the third must be able to declare them dead: alone, and without a last probe of the
                // one by way of the other. Otherwise nobody new can join for minutes.
                (o.NumVotesForDeathDeclaration, o.EnableIndirectProbes) = (1, false);
            });
            silo.AddPresence(configureNode: configureNode);
        });
        builder.Services.AddPostgresLeases(settings.Database, postgres => postgres.Schema = settings.Schema);
    }

    /// <summary>
    /// A port below those that the system gives to outgoing connections: one of theirs could be taken by anybody between this look and the
    /// moment when the silo listens.
    /// </summary>
    private static int FreePort()
    {
        for (var attempts = 0; ; attempts++)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(FirstPort, FirstOutgoingPort));
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
