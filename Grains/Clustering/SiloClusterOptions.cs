using System.Net;
using Presence.Tracker.Options;

namespace Presence.Grains.Clustering;

/// <summary>Options of the Orleans cluster (<c>Presence:Orleans</c>).</summary>
internal sealed class SiloClusterOptions
{
    public string ClusterId { get; set; } = "presence";
    public string ServiceId { get; set; } = "presence";

    /// <summary>Silo port of the first node; null derives it from the HTTP port.</summary>
    public int? SiloPort { get; set; }

    /// <summary>Gateway port of the first node; null derives it from the HTTP port.</summary>
    public int? GatewayPort { get; set; }

    /// <summary>Primary silo without a database; null for that of the node on port 4000.</summary>
    public IPEndPoint? Primary { get; set; }

    /// <summary>With a database: address for the other silos. Default: this machine alone.</summary>
    public IPAddress? AdvertisedAddress { get; set; }

    /// <summary>
    /// Whether the process runs in a pod: the silo has the name and address of the pod, and is declared dead when the
    /// pod is deleted, without waiting for probes.
    /// </summary>
    public bool Kubernetes { get; set; }

    /// <summary>With a database: timeout of a probe. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>With a database: unanswered probes after which a silo is declared dead. Default 3.</summary>
    public int MissedProbes { get; set; } = 3;

    public void Validate()
    {
        Require(IsId(ClusterId), nameof(ClusterId), ClusterId, "must have 1 to 100 characters without blanks");
        Require(IsId(ServiceId), nameof(ServiceId), ServiceId, "must have 1 to 100 characters without blanks");
        Require(SiloPort is null or (> 0 and <= 65535), nameof(SiloPort), SiloPort, "must be a port, 1 to 65535");
        Require(
            GatewayPort is null or (> 0 and <= 65535), nameof(GatewayPort), GatewayPort, "must be a port, 1 to 65535");
        Require(ProbeTimeout.TotalMilliseconds >= 100, nameof(ProbeTimeout), ProbeTimeout, "must be at least 100ms");
        Require(ProbeTimeout <= OptionRules.MaxWait, nameof(ProbeTimeout), ProbeTimeout, "must be at most 24 days");
        Require(MissedProbes is >= 1 and <= 100, nameof(MissedProbes), MissedProbes, "must be between 1 and 100");
    }

    private static void Require(bool holds, string option, object? value, string rule) =>
        new OptionRules("Presence:Orleans:").Require(holds, $"'{value}'", rule, option);

    private static bool IsId(string id) => id.Length is > 0 and <= 100 && !id.Any(char.IsWhiteSpace);
}
