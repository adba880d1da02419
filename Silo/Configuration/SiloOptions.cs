using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Dashboard;
using Presence.Grains;
using Presence.Node;
using Presence.Postgres;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>What the host itself reads from <c>Presence</c>, and what decides about the whole run, checked.</summary>
internal sealed class SiloOptions
{
    private const int MostNodes = 64;
    private const int LongestName = 64;

    public int Nodes { get; set; } = 1;

    /// <summary>Name of the only member, or what the names of several begin with; null if the ports decide.</summary>
    public string? NodeName { get; set; }

    /// <summary>Where the keys that sign tokens are kept; without it in the database or in memory.</summary>
    public string? KeyDirectory { get; set; }

    public SiloOrleansOptions Orleans { get; } = new();

    public PresencePostgresOptions Postgres { get; } = new();

    public PresenceAdminOptions Admin { get; private set; } = new();

    /// <summary>The connection string of the cluster's database, if it has one.</summary>
    public string? Database { get; private set; }

    public IReadOnlyList<BindingAddress> Urls { get; private set; } = [];

    /// <summary>Where a member listens for HTTP; 0 if the system chooses.</summary>
    public int PortOf(int number) => Urls[0].Port == 0 ? 0 : Urls[0].Port + number - 1;

    /// <summary>What a member is to listen on.</summary>
    public IEnumerable<string> UrlsOf(int number) =>
        Urls.Select(url => $"{url.Scheme}://{url.Host}:{(url.Port == 0 ? 0 : url.Port + number - 1)}");

    /// <exception cref="SiloStartException">A value breaks its rule, or nobody knows its name.</exception>
    public static SiloOptions Read(IConfiguration configuration)
    {
        using var provider = Bind(configuration);
        try
        {
            provider.GetRequiredService<IStartupValidator>().Validate();
        }
        catch (Exception e) when (e is OptionsValidationException or AggregateException)
        {
            throw StartFailure.Explain(e, null);
        }

        var options = provider.GetRequiredService<IOptions<SiloOptions>>().Value;
        options.Admin = provider.GetRequiredService<IOptions<PresenceAdminOptions>>().Value;
        options.Database = configuration.GetConnectionString("Presence") is { Length: > 0 } database ? database : null;
        options.Urls = ReadUrls(configuration["urls"], options.Nodes);
        return options;
    }

    /// <summary>The options of everything that a member is made of, without a member.</summary>
    internal static ServiceProvider Bind(IConfiguration configuration)
    {
        var services = new ServiceCollection().AddSingleton(configuration);
        AddTo(services);
        services.AddPresenceOrleansOptions().AddPresenceClient().AddPresence().AddChannels(_ => { }).AddPresenceAdmin();
        return services.BuildServiceProvider();
    }

    public static void AddTo(IServiceCollection services) =>
        services.AddBoundOptions<SiloOptions>("Presence", static o => o.Validate());

    private void Validate()
    {
        var rules = new OptionRules("Presence:");
        var areFew = Nodes is >= 1 and <= MostNodes;
        rules.Require(areFew, $"'{Nodes}'", $"must be between 1 and {MostNodes}", nameof(Nodes));
        rules.Require(
            NodeName is null || (NodeName.Length is > 0 and <= LongestName && NodeName.All(IsNameCharacter)),
            $"'{NodeName}'",
            $"must be 1 to {LongestName} letters, digits or any of - _ . @",
            nameof(NodeName));
        rules.Require(
            Postgres.ConnectionString.Length == 0,
            "set",
            "must be set as ConnectionStrings:Presence instead",
            "Postgres:ConnectionString");
        Orleans.Validate();
    }

    private static List<BindingAddress> ReadUrls(string? text, int nodes)
    {
        var urls = new List<BindingAddress>();
        var separated = (text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (var url in separated.Length == 0 ? ["http://127.0.0.1:4000"] : separated)
        {
            urls.Add(Parse(url, nodes));
        }

        return urls;
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

        // Port 0 stays 0 for every member: the system chooses.
        return address.Port is >= 0 and <= 65535 && (address.Port == 0 || address.Port + nodes - 1 <= 65535)
            ? address
            : throw BadUrl(url, $"must leave room for {nodes} ports below 65536");
    }

    private static SiloStartException BadUrl(string url, string rule) => new($"urls is '{url}': it {rule}.");

    private static bool IsNameCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '@';
}
