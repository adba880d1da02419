using System.Net;

namespace Presence.Silo;

/// <summary>One silo of this process: its name and its ports.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Name">Its name in the cluster.</param>
/// <param name="HttpPort">Where it listens for HTTP; 0 if the system chooses.</param>
/// <param name="SiloPort">Where other silos reach it.</param>
/// <param name="GatewayPort">Where Orleans clients reach it.</param>
internal sealed record SiloPlace(int Number, string Name, int HttpPort, int SiloPort, int GatewayPort)
{
    public const int FirstHttpPort = 4000;
    public const int FirstSiloPort = 11111;
    public const int FirstGatewayPort = 30000;

    /// <summary>Decides the name of a silo.</summary>
    /// <remarks>
    /// <c>Presence:NodeName</c> decides where it is given. Otherwise the HTTP port does: the silos on ports 4000, 4001 and so on are
    /// <c>node-1</c>, <c>node-2</c> and so on, whichever processes of the machine they are in. Where the system chooses the HTTP port, the
    /// silo port does, which no other silo of the machine has. An advertised address is added, because other machines have the same ports.
    /// </remarks>
    public static string NameOf(SiloOptions options, int number, int siloPort)
    {
        if (options.NodeName is { } given)
        {
            return options.Nodes == 1 ? given : string.Create(null, $"{given}-{number}");
        }

        var name = options.PortOf(number) switch
        {
            0 => string.Create(null, $"silo-{siloPort}"),
            >= FirstHttpPort and var port => string.Create(null, $"node-{port - FirstHttpPort + 1}"),
            var port => string.Create(null, $"port-{port}"),
        };
        return options.Orleans.AdvertisedAddress is { } address && !IPAddress.IsLoopback(address)
            ? $"{name}@{address.ToString().Replace(':', '-').Replace('%', '-')}"
            : name;
    }
}
