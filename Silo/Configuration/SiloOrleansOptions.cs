using System.Net;

namespace Presence.Silo;

/// <summary>The section <c>Presence:Orleans</c>: which cluster, and on which ports.</summary>
internal sealed record SiloOrleansOptions
{
    public string ClusterId { get; private set; } = "presence";

    public string ServiceId { get; private set; } = "presence";

    /// <summary>Silo port of the first member of the process; null follows the HTTP port.</summary>
    public int? SiloPort { get; private set; }

    /// <summary>Gateway port of the first member of the process; null follows the HTTP port.</summary>
    public int? GatewayPort { get; private set; }

    /// <summary>The silo to which the others come if there is no database; null for that of the member on port 4000.</summary>
    public IPEndPoint? Primary { get; private set; }

    /// <summary>With a database: where the other silos reach this one; it listens there. Default: this machine alone.</summary>
    public IPAddress? AdvertisedAddress { get; private set; }

    /// <summary>
    /// Whether the process is the container of a pod: the silo bears the pod's name and address, and a silo whose pod is gone is declared
    /// dead without waiting for probes.
    /// </summary>
    public bool Kubernetes { get; private set; }

    /// <summary>With a database: how long a silo may take to answer a probe of another. Default 2 s.</summary>
    public TimeSpan ProbeTimeout { get; private set; } = TimeSpan.FromSeconds(2);

    /// <summary>With a database: probes in a row without an answer after which a silo is declared dead. Default 3.</summary>
    public int MissedProbes { get; private set; } = 3;

    public static SiloOrleansOptions Read(IConfigurationSection section)
    {
        var options = new SiloOrleansOptions();
        var reader = new SettingsReader(section);
        options.ClusterId = Id(reader, nameof(ClusterId)) ?? options.ClusterId;
        options.ServiceId = Id(reader, nameof(ServiceId)) ?? options.ServiceId;
        reader.Int(nameof(SiloPort), value => options.SiloPort = Port(reader, nameof(SiloPort), value));
        reader.Int(nameof(GatewayPort), value => options.GatewayPort = Port(reader, nameof(GatewayPort), value));
        if (reader.Text(nameof(Primary)) is { } primary)
        {
            options.Primary = IPEndPoint.TryParse(primary, out var endpoint) && endpoint.Port > 0
                ? endpoint
                : throw reader.Bad(nameof(Primary), primary, "must be an address and a silo port, such as 127.0.0.1:11111");
        }

        if (reader.Text(nameof(AdvertisedAddress)) is { } advertised)
        {
            options.AdvertisedAddress = IPAddress.TryParse(advertised, out var address)
                ? address
                : throw reader.Bad(nameof(AdvertisedAddress), advertised, "must be an IP address of this machine");
        }

        if (reader.Text(nameof(Kubernetes)) is { } kubernetes)
        {
            options.Kubernetes = bool.TryParse(kubernetes, out var isPod) ? isPod : throw reader.Bad(nameof(Kubernetes), kubernetes, "must be true or false");
        }

        reader.Duration(nameof(ProbeTimeout), value => options.ProbeTimeout = value >= TimeSpan.FromMilliseconds(100)
            ? value
            : throw reader.Bad(nameof(ProbeTimeout), $"{value}", "must be at least 100ms"));
        reader.Int(nameof(MissedProbes), value => options.MissedProbes = value is >= 1 and <= 100
            ? value
            : throw reader.Bad(nameof(MissedProbes), $"{value}", "must be between 1 and 100"));
        reader.RefuseOthers();
        return options;
    }

    private static string? Id(SettingsReader reader, string name) => reader.Text(name) switch
    {
        null => null,
        { Length: > 0 and <= 100 } id when !id.Any(char.IsWhiteSpace) => id,
        var bad => throw reader.Bad(name, bad, "must have 1 to 100 characters without blanks"),
    };

    private static int Port(SettingsReader reader, string name, int value) => value is > 0 and <= 65535
        ? value
        : throw reader.Bad(name, $"{value}", "must be a port, 1 to 65535");
}
