using System.Net;

namespace Presence.Grains.Clustering;

/// <summary>Number (from 1), name and ports of a silo of this process; HTTP port 0 lets the system choose.</summary>
internal sealed record SiloEndpoints(int Number, string Name, int HttpPort, int SiloPort, int GatewayPort)
{
    public const int FirstHttpPort = 4000;
    public const int FirstSiloPort = 11111;
    public const int FirstGatewayPort = 30000;

    /// <summary>Returns the name of a silo.</summary>
    /// <remarks>
    /// It is the name of the plan if set, else derived from the HTTP port (4000 is <c>node-1</c>), or from the silo
    /// port if the system chooses the HTTP port. An advertised address is added: other machines have the same ports.
    /// </remarks>
    public static string NameOf(SiloPlan plan, int number, int siloPort)
    {
        if (plan.Name is { } given)
        {
            return plan.Count == 1 ? given : string.Create(null, $"{given}-{number}");
        }

        var name = plan.HttpPortOf(number) switch
        {
            0 => string.Create(null, $"silo-{siloPort}"),
            >= FirstHttpPort and var port => string.Create(null, $"node-{port - FirstHttpPort + 1}"),
            var port => string.Create(null, $"port-{port}"),
        };
        return plan.Options.AdvertisedAddress is { } address && !IPAddress.IsLoopback(address)
            ? $"{name}@{address.ToString().Replace(':', '-').Replace('%', '-')}"
            : name;
    }
}
