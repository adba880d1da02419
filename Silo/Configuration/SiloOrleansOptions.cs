using System.Net;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>The section <c>Presence:Orleans</c>: which cluster, and on which ports.</summary>
internal sealed class SiloOrleansOptions
{
    public string ClusterId { get; set; } = "presence";

    public string ServiceId { get; set; } = "presence";

    /// <summary>Silo port of the first member of the process; null follows the HTTP port.</summary>
    public int? SiloPort { get; set; }

    /// <summary>Gateway port of the first member of the process; null follows the HTTP port.</summary>
    public int? GatewayPort { get; set; }

    /// <summary>The silo to which the others come if there is no database; null for that of the member on port 4000.</summary>
    public IPEndPoint? Primary { get; set; }

    /// <summary>With a database: where the other silos reach this one; it listens there. Default: this machine alone.</summary>
    public IPAddress? AdvertisedAddress { get; set; }

    /// <summary>
    /// Whether the process is the container of a pod: the silo bears the pod's name and address, and a silo whose pod is gone is declared
    /// dead without waiting for probes.
    /// </summary>
    public bool Kubernetes { get; set; }

    /// <summary>With a database: how long a silo may take to answer a probe of another. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>With a database: probes in a row without an answer after which a silo is declared dead. Default 3.</summary>
    public int MissedProbes { get; set; } = 3;

    public void Validate()
    {
        Require(IsId(ClusterId), nameof(ClusterId), ClusterId, "must have 1 to 100 characters without blanks");
        Require(IsId(ServiceId), nameof(ServiceId), ServiceId, "must have 1 to 100 characters without blanks");
        Require(SiloPort is null or (> 0 and <= 65535), nameof(SiloPort), SiloPort, "must be a port, 1 to 65535");
        Require(
            GatewayPort is null or (> 0 and <= 65535), nameof(GatewayPort), GatewayPort, "must be a port, 1 to 65535");
        Require(ProbeTimeout.TotalMilliseconds >= 100, nameof(ProbeTimeout), ProbeTimeout, "must be at least 100ms");
        Require(MissedProbes is >= 1 and <= 100, nameof(MissedProbes), MissedProbes, "must be between 1 and 100");
    }

    private static void Require(bool holds, string option, object? value, string rule) =>
        new OptionRules("Presence:Orleans:").Require(holds, $"'{value}'", rule, option);

    private static bool IsId(string id) => id.Length is > 0 and <= 100 && !id.Any(char.IsWhiteSpace);
}
