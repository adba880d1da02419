using System.Globalization;
using Presence.Channels;
using Presence.Dashboard;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>Everything that configuration decides about one run of the host, checked.</summary>
internal sealed record SiloOptions
{
    private const int MostNodes = 64;
    private const int LongestName = 64;

    public int Nodes { get; private set; } = 1;

    public IReadOnlyList<BindingAddress> Urls { get; private set; } = [];

    /// <summary>Name of the only member, or what the names of several begin with; null if the ports decide.</summary>
    public string? NodeName { get; private set; }

    /// <summary>The connection string of the cluster's database, if it has one.</summary>
    public string? Database { get; private set; }

    public SiloOrleansOptions Orleans { get; private set; } = new();

    public SiloPostgresOptions Postgres { get; private set; } = new();

    public TrackerOptions Tracker { get; } = new();

    public PresenceLimits Limits { get; } = new();

    /// <summary>The same section, read by the channels; checked here for words, by them for sense.</summary>
    public ChannelLimits Channels { get; } = new();

    public PresenceAdminOptions Admin { get; } = new();

    /// <summary>Hosts beside the request's own that may open sockets; wildcards allowed.</summary>
    public IReadOnlyList<string> AllowedOrigins { get; private set; } = [];

    /// <summary>Where the keys that sign tokens are kept; null keeps them in memory.</summary>
    public string? KeyDirectory { get; private set; }

    /// <summary>Where a member listens for HTTP; 0 if the system chooses.</summary>
    public int PortOf(int number) => Urls[0].Port == 0 ? 0 : Urls[0].Port + number - 1;

    /// <summary>What a member is to listen on.</summary>
    public IEnumerable<string> UrlsOf(int number) =>
        Urls.Select(url => $"{url.Scheme}://{url.Host}:{(url.Port == 0 ? 0 : url.Port + number - 1)}");

    /// <exception cref="SiloStartException">A value breaks its rule.</exception>
    public static SiloOptions Read(IConfiguration configuration)
    {
        var options = new SiloOptions();
        try
        {
            options.ReadPresence(configuration.GetSection("Presence"));
            options.ReadTracker(configuration.GetSection("Presence:Tracker"));
            options.ReadLimits(configuration.GetSection("Presence:Limits"));
            options.Database = configuration.GetConnectionString("Presence") is { Length: > 0 } database ? database : null;
            options.Postgres = SiloPostgresOptions.Read(configuration.GetSection("Presence:Postgres"));
            options.Orleans = SiloOrleansOptions.Read(configuration.GetSection("Presence:Orleans"));
            options.ReadAdmin(configuration.GetSection("Presence:Admin"));
            options.Urls = ReadUrls(configuration["urls"], options.Nodes);
        }
        catch (ArgumentException e) when (e is TrackerOptionsException or PresenceAdminOptionsException)
        {
            throw new SiloStartException(e.Message);
        }

        return options;
    }

    /// <summary>
    /// What libraries read from the configuration by themselves, in the one form they understand: <c>20s</c> and lists
    /// with commas are this host's own.
    /// </summary>
    public IReadOnlyDictionary<string, string?> InPlainForm()
    {
        var plain = new Dictionary<string, string?>
        {
            [$"{ChannelLimits.Section}:{nameof(Channels.IdleTimeout)}"] = Channels.IdleTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.SendTimeout)}"] = Channels.SendTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.CloseTimeout)}"] = Channels.CloseTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.TerminateTimeout)}"] = Channels.TerminateTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.PollWindow)}"] = Channels.PollWindow.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.JoinTimeout)}"] = Channels.JoinTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.FetchTimeout)}"] = Channels.FetchTimeout.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.DiffWindow)}"] = Channels.DiffWindow.ToString("c"),
            [$"{ChannelLimits.Section}:{nameof(Channels.MaxDiffWindow)}"] = Channels.MaxDiffWindow.ToString("c"),
        };
        foreach (var (i, origin) in AllowedOrigins.Index())
        {
            plain[$"Presence:AllowedOrigins:{i}"] = origin;
        }

        return plain;
    }

    private void ReadPresence(IConfigurationSection section)
    {
        var reader = new SettingsReader(section);
        reader.Int("Nodes", value => Nodes = value is >= 1 and <= MostNodes
            ? value
            : throw reader.Bad("Nodes", value.ToString(CultureInfo.InvariantCulture), $"must be between 1 and {MostNodes}"));
        NodeName = reader.Text("NodeName");
        if (NodeName is not null && (NodeName.Length is 0 or > LongestName || !NodeName.All(IsNameCharacter)))
        {
            throw reader.Bad("NodeName", NodeName, $"must be 1 to {LongestName} letters, digits or any of - _ . @");
        }

        reader.List("AllowedOrigins", value => AllowedOrigins = value);
        if (AllowedOrigins.FirstOrDefault(origin => origin.Length == 0 || origin.Any(char.IsWhiteSpace)) is { } bad)
        {
            throw reader.Bad("AllowedOrigins", bad, "must be hosts such as example.org or *.example.org");
        }

        // The channels read it themselves.
        if (reader.Text("CompressSockets") is { } compress && !bool.TryParse(compress, out _))
        {
            throw reader.Bad("CompressSockets", compress, "must be true or false");
        }

        KeyDirectory = reader.Text("KeyDirectory") is { Length: > 0 } directory ? directory : null;
        reader.Also("Tracker", "Limits", "Admin", "Orleans", "Postgres").RefuseOthers();
    }

    private void ReadTracker(IConfigurationSection section)
    {
        var reader = new SettingsReader(section);
        reader.Duration(nameof(Tracker.BroadcastPeriod), value => Tracker.BroadcastPeriod = value);
        reader.Int(nameof(Tracker.MaxSilentPeriods), value => Tracker.MaxSilentPeriods = value);
        reader.Duration(nameof(Tracker.DownPeriod), value => Tracker.DownPeriod = value);
        reader.Duration(nameof(Tracker.PermDownPeriod), value => Tracker.PermDownPeriod = value);
        reader.Int(nameof(Tracker.ClockSamplePeriods), value => Tracker.ClockSamplePeriods = value);
        reader.IntList(nameof(Tracker.MaxDeltaSizes), value => Tracker.MaxDeltaSizes = value);
        reader.Int(nameof(Tracker.PoolSize), value => Tracker.PoolSize = value);
        reader.Duration(nameof(Tracker.DeltaDelay), value => Tracker.DeltaDelay = value);
        Tracker.LogLevel = reader.Text(nameof(Tracker.LogLevel)) ?? Tracker.LogLevel;
        reader.RefuseOthers();
        Tracker.Validate();
    }

    private void ReadLimits(IConfigurationSection section)
    {
        var reader = new SettingsReader(section);
        reader.Int(nameof(Limits.MaxTopicBytes), value => Limits.MaxTopicBytes = value);
        reader.Int(nameof(Limits.MaxKeyBytes), value => Limits.MaxKeyBytes = value);
        reader.Int(nameof(Limits.MaxMetaBytes), value => Limits.MaxMetaBytes = value);
        reader.Int(nameof(Channels.MaxFrameBytes), value => Channels.MaxFrameBytes = value);
        reader.Int(nameof(Channels.MaxChannelsPerSocket), value => Channels.MaxChannelsPerSocket = value);
        reader.Int(nameof(Channels.MaxSockets), value => Channels.MaxSockets = value);
        reader.Int(nameof(Channels.MaxOutboxFrames), value => Channels.MaxOutboxFrames = value);
        reader.Int(nameof(Channels.MaxOutboxBytes), value => Channels.MaxOutboxBytes = value);
        reader.Int(nameof(Channels.MaxMailboxMessages), value => Channels.MaxMailboxMessages = value);
        reader.Int(nameof(Channels.MaxFramesPerSecond), value => Channels.MaxFramesPerSecond = value);
        reader.Int(nameof(Channels.FrameBurst), value => Channels.FrameBurst = value);
        reader.Duration(nameof(Channels.IdleTimeout), value => Channels.IdleTimeout = value);
        reader.Duration(nameof(Channels.SendTimeout), value => Channels.SendTimeout = value);
        reader.Duration(nameof(Channels.CloseTimeout), value => Channels.CloseTimeout = value);
        reader.Duration(nameof(Channels.TerminateTimeout), value => Channels.TerminateTimeout = value);
        reader.Int(nameof(Channels.MaxPollBytes), value => Channels.MaxPollBytes = value);
        reader.Duration(nameof(Channels.PollWindow), value => Channels.PollWindow = value);
        reader.Duration(nameof(Channels.JoinTimeout), value => Channels.JoinTimeout = value);
        reader.Duration(nameof(Channels.FetchTimeout), value => Channels.FetchTimeout = value);
        reader.Duration(nameof(Channels.DiffWindow), value => Channels.DiffWindow = value);
        reader.Duration(nameof(Channels.MaxDiffWindow), value => Channels.MaxDiffWindow = value);
        reader.RefuseOthers();
        Limits.Validate();
        Channels.MaxTopicBytes = Limits.MaxTopicBytes;
    }

    private void ReadAdmin(IConfigurationSection section)
    {
        var reader = new SettingsReader(section);
        Admin.User = reader.Text(nameof(Admin.User)) ?? Admin.User;
        Admin.Password = reader.Text(nameof(Admin.Password)) is { Length: > 0 } password ? password : null;
        reader.Duration(nameof(Admin.TokenLifetime), value => Admin.TokenLifetime = value);
        reader.Int(nameof(Admin.MaxFailures), value => Admin.MaxFailures = value);
        reader.Duration(nameof(Admin.FailureWindow), value => Admin.FailureWindow = value);
        reader.Int(nameof(Admin.MaxBodyBytes), value => Admin.MaxBodyBytes = value);
        reader.RefuseOthers();
        Admin.Validate();
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
