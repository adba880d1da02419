using System.Net;
using Microsoft.Extensions.Options;
using Presence.Dashboard;
using Presence.Node.Hosting;
using Presence.Postgres;
using Presence.Silo.Nodes;
using Presence.Tracker.Options;

namespace Presence.Silo.Configuration;

/// <summary>Validated options of the host, from <c>Presence</c>.</summary>
internal sealed class SiloOptions
{
    private const int MaxNodes = 64;
    private const int MaxName = 64;

    public int Nodes { get; set; } = 1;

    /// <summary>
    /// Gets or sets the name of the only node, or the prefix of several; null derives names from ports.
    /// </summary>
    public string? NodeName { get; set; }

    /// <summary>Gets or sets the directory of the keys that sign tokens; null: in the database or in memory.</summary>
    public string? KeyDirectory { get; set; }

    /// <summary>Gets or sets the PKCS #12 file that encrypts the keys at rest; null: they are not encrypted.</summary>
    public string? KeyCertificate { get; set; }

    /// <summary>Gets or sets the password of that file.</summary>
    public string? KeyCertificatePassword { get; set; }

    /// <summary>Gets or sets whether to serve the samples. Default false; <c>./run</c> sets it.</summary>
    public bool Samples { get; set; }

    /// <summary>
    /// Gets or sets whether to serve metrics for Prometheus at <c>/metrics</c>, to anyone. Default false.
    /// </summary>
    public bool Metrics { get; set; }

    /// <summary>
    /// Gets or sets whether to serve Orleans' own dashboard at <c>/admin/orleans/</c>, for admins. Default false: its
    /// grains count calls all the time.
    /// </summary>
    public bool OrleansDashboard { get; set; }

    /// <summary>Gets or sets the path below which a proxy serves the host, such as <c>/presence</c>.</summary>
    public string PathBase { get; set; } = "";

    /// <summary>Gets or sets the proxies whose X-Forwarded headers are believed.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; set; } = [];

    public SiloClusterOptions Orleans { get; } = new();
    public PresencePostgresOptions Postgres { get; } = new();
    public PresenceDashboardOptions Admin { get; private set; } = new();

    /// <summary>Gets the connection string of the database, or null.</summary>
    public string? Database { get; private set; }

    public IReadOnlyList<BindingAddress> Urls { get; private set; } = [];

    /// <summary>Gets the names that requests may have in their Host header; empty: any.</summary>
    public IReadOnlyList<string> AllowedHosts { get; private set; } = [];

    /// <summary>Gets the addresses that serve plain HTTP to other machines, if no proxy is named.</summary>
    public IEnumerable<string> PlainUrls => TrustedProxies.Count > 0 ? [] : Urls
        .Where(url => url.Scheme == "http" && !IsLoopback(url)).Select(url => $"{url.Scheme}://{url.Host}:{url.Port}");

    /// <summary>Returns the silos of this process.</summary>
    public SiloPlan PlanSilos() => new(Nodes, Urls[0].Port, NodeName, Orleans);

    public IEnumerable<string> UrlsOf(int number) =>
        Urls.Select(url => $"{url.Scheme}://{url.Host}:{(url.Port == 0 ? 0 : url.Port + number - 1)}");

    /// <exception cref="SiloStartException">A value is invalid or its name unknown.</exception>
    public static SiloOptions Read(IConfiguration configuration)
    {
        using var provider = Bind(configuration);
        try
        {
            provider.GetRequiredService<IStartupValidator>().Validate();
        }
        catch (Exception e) when (e is OptionsValidationException or AggregateException)
        {
            throw StartFailure.Describe(e, null);
        }

        var options = provider.GetRequiredService<IOptions<SiloOptions>>().Value;
        options.Admin = provider.GetRequiredService<IOptions<PresenceDashboardOptions>>().Value;
        options.Database = configuration.GetConnectionString("Presence") is { Length: > 0 } database ? database : null;
        options.Urls = ReadUrls(configuration["urls"], options.Nodes);
        options.AllowedHosts = ReadHosts(configuration["AllowedHosts"], options);
        if (string.Equals(configuration["ForwardedHeaders_Enabled"], "true", StringComparison.OrdinalIgnoreCase))
        {
            throw new SiloStartException(
                "ASPNETCORE_FORWARDEDHEADERS_ENABLED is true: every client could choose its address; name your proxies "
                + "in Presence:TrustedProxies instead.");
        }

        return options;
    }

    /// <summary>Binds the options of all services of a node.</summary>
    internal static ServiceProvider Bind(IConfiguration configuration)
    {
        var services = new ServiceCollection().AddSingleton(configuration);
        AddTo(services);
        services.AddPresenceOrleansOptions().AddPresenceClient().AddPresence().AddChannels(_ => { })
            .AddPresenceDashboard();
        return services.BuildServiceProvider();
    }

    public static void AddTo(IServiceCollection services) =>
        services.AddBoundOptions<SiloOptions>("Presence", static o => o.Validate());

    private void Validate()
    {
        var rules = new OptionRules("Presence:");
        var isNodeCount = Nodes is >= 1 and <= MaxNodes;
        rules.Require(isNodeCount, $"'{Nodes}'", $"must be between 1 and {MaxNodes}", nameof(Nodes));
        rules.Require(
            NodeName is null || (NodeName.Length is > 0 and <= MaxName && NodeName.All(IsNameCharacter)),
            $"'{NodeName}'",
            $"must be 1 to {MaxName} letters, digits or any of - _ . @",
            nameof(NodeName));
        rules.Require(
            Postgres.ConnectionString.Length == 0,
            "set",
            "must be set as ConnectionStrings:Presence instead",
            "Postgres:ConnectionString");
        rules.Require(
            PathBase.Length == 0 || (PathBase is ['/', _, ..] and not [.., '/'] && Uri.IsWellFormedUriString(
                PathBase, UriKind.Relative)),
            $"'{PathBase}'",
            "must be a path such as /presence",
            nameof(PathBase));
        Orleans.Validate();
    }

    /// <summary>
    /// Reads the allowed hosts. A host that only this machine can reach has only local names by default: another name
    /// belongs to a page that had its own name resolved to this machine (DNS rebinding).
    /// </summary>
    private static string[] ReadHosts(string? text, SiloOptions options)
    {
        var hosts = (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return hosts.Contains("*") ? []
            : hosts.Length > 0 ? hosts
            : options.TrustedProxies.Count == 0 && options.Urls.All(IsLoopback)
                ? ["localhost", "*.localhost", "127.0.0.1", "[::1]"]
                : [];
    }

    private static bool IsLoopback(BindingAddress url) =>
        url.Host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(url.Host, out var address) && IPAddress.IsLoopback(address));

    private static List<BindingAddress> ReadUrls(string? text, int nodes)
    {
        var separated = (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return [.. (separated is [] ? ["http://127.0.0.1:4000"] : separated).Select(url => Parse(url, nodes))];
    }

    private static BindingAddress Parse(string url, int nodes)
    {
        BindingAddress address;
        try
        {
            address = BindingAddress.Parse(url);
        }
        catch (FormatException)
        {
            throw BadUrl(url, "must be an address such as http://127.0.0.1:4000");
        }

        if (address.Scheme is not ("http" or "https") || address.IsUnixPipe || address.PathBase.Length > 0)
        {
            throw BadUrl(url, "must be http:// or https:// with a host and a port, and nothing after it");
        }

        // Port 0 stays 0 for every node: the system chooses.
        return address.Port is >= 0 and <= 65535 && (address.Port == 0 || address.Port + nodes - 1 <= 65535)
            ? address
            : throw BadUrl(url, $"must leave room for {nodes} ports below 65536");
    }

    private static SiloStartException BadUrl(string url, string rule) => new($"urls is '{url}': it {rule}.");
    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@';
}
