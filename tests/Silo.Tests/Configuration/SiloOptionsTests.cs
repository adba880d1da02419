using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Silo.Configuration;

namespace Presence.Silo.Tests.Configuration;

/// <summary>What the host makes of its settings, without starting it.</summary>
public sealed class SiloOptionsTests
{
    [Theory]
    [InlineData("1500ms", 1500)]
    [InlineData("2s", 2000)]
    [InlineData("1.5s", 1500)]
    [InlineData("3 s", 3000)]
    [InlineData("1min", 60_000)]
    [InlineData("1m", 60_000)]
    [InlineData("00:00:02", 2000)]
    public void Duration_is_accepted_in_several_formats(string text, int milliseconds)
    {
        var limits = Bound<ChannelLimits>(("Presence:Limits:IdleTimeout", text));
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), limits.IdleTimeout);
    }

    [Theory]
    [InlineData("1500")]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("-1s")]
    [InlineData("99999999999h")]
    public void Duration_without_a_unit_is_rejected(string text) =>
        Refused("Presence:Tracker:BroadcastPeriod is '", ("Presence:Tracker:BroadcastPeriod", text));

    [Fact]
    public void Lists_are_read_with_commas_or_by_index()
    {
        Assert.Equal(
            [10, 20], Bound<PresenceOptions>(("Presence:Tracker:MaxDeltaSizes", "10, 20")).Tracker.MaxDeltaSizes);
        Assert.Equal(
            [10, 20],
            Bound<PresenceOptions>(
                ("Presence:Tracker:MaxDeltaSizes:0", "10"), ("Presence:Tracker:MaxDeltaSizes:1", "20"))
                .Tracker.MaxDeltaSizes);
        Assert.Equal(
            ["a.example", "*.b.example"],
            Bound<ChannelOptions>(("Presence:AllowedOrigins", "a.example,*.b.example")).AllowedOrigins);
    }

    [Theory]
    [InlineData("Presence:Nodes", "65")]
    [InlineData("Presence:NodeName", "")]
    [InlineData("Presence:NodeName", "a b")]
    [InlineData("Presence:AllowedOrigins", "a b")]
    [InlineData("Presence:Tracker:MaxDeltaSizes", "1,two")]
    [InlineData("Presence:Tracker:LogLevel", "Loud")]
    [InlineData("Presence:Tracker:PermDownPeriod", "1s")]
    [InlineData("Presence:Limits:MaxTopicBytes", "0")]
    [InlineData("Presence:Limits:IdleTimeout", "60")]
    [InlineData("Presence:PathBase", "presence")]
    [InlineData("Presence:PathBase", "/presence/")]
    [InlineData("Presence:TrustedProxies", "10.0.0.1,proxy")]
    [InlineData("Presence:Admin:User", "a:b")]
    [InlineData("Presence:Admin:TokenLifetime", "1s")]
    public void Invalid_value_is_reported_with_its_option(string option, string value) =>
        Refused($"{option} is ", (option, value));

    [Theory]
    [InlineData("Presence:Trakcer")]
    [InlineData("Presence:Limits:MaxTopic")]
    [InlineData("Presence:Admin:Pasword")]
    public void Unknown_option_is_rejected_with_the_known_ones(string option) =>
        Refused($"{option} is not an option: known are ", (option, "1"));

    [Theory]
    [InlineData("http://127.0.0.1")]
    [InlineData("http://127.0.0.1:0;https://localhost:5001")]
    [InlineData("http://[::1]:4000")]
    public void Several_addresses_of_both_schemes_are_accepted(string urls) =>
        Assert.NotEmpty(Read(("urls", urls)).Urls);

    [Theory]
    [InlineData("127.0.0.1:4000")]
    [InlineData("ftp://127.0.0.1:4000")]
    [InlineData("http://127.0.0.1:4000/base")]
    [InlineData("http://unix:/tmp/presence.sock")]
    [InlineData("http://127.0.0.1:65535")]
    public void Address_without_enough_ports_is_rejected(string url) =>
        Refused("urls is '", ("urls", url), ("Presence:Nodes", "2"));

    [Theory]
    [InlineData(new[] { "--nodes", "3", "--Presence:NodeName=a" }, "Presence:Nodes", "3")]
    [InlineData(new[] { "--Presence:Tracker:PoolSize", "2" }, "Presence:Tracker:PoolSize", "2")]
    [InlineData(new[] { "--urls=http://127.0.0.1:1" }, "URLS", "http://127.0.0.1:1")]
    public void Command_line_options_become_settings(string[] args, string key, string value) =>
        Assert.Equal(value, SiloArguments.Parse(args).Settings[key]);

    [Theory]
    [InlineData("nodes", "3")]
    [InlineData("--")]
    [InlineData("--nodes")]
    [InlineData("--nodes", "--urls")]
    [InlineData("--verbose", "1")]
    public void Unknown_argument_is_reported(params string[] args) =>
        Assert.Contains(
            args[0],
            Assert.Throws<SiloStartException>(() => SiloArguments.Parse(args)).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData("SiloPort", "0", "must be a port, 1 to 65535")]
    [InlineData("GatewayPort", "many", "must be a whole number")]
    [InlineData("Primary", "here", "must be an address and a silo port, such as 127.0.0.1:11111")]
    [InlineData("AdvertisedAddress", "pod-1", "must be an IP address of this machine")]
    [InlineData("ClusterId", "a b", "must have 1 to 100 characters without blanks")]
    [InlineData("ProbeTimeout", "1ms", "must be at least 100ms")]
    [InlineData("MissedProbes", "0", "must be between 1 and 100")]
    [InlineData("Kubernetes", "maybe", "must be true or false")]
    public void Invalid_silo_option_is_rejected(string option, string value, string rule)
    {
        var e = Assert.Throws<SiloStartException>(() => Read(($"Presence:Orleans:{option}", value)));
        Assert.StartsWith($"Presence:Orleans:{option} is '", e.Message, StringComparison.Ordinal);
        Assert.EndsWith($"it {rule}.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:4000", 1, "node-1")]
    [InlineData("http://127.0.0.1:4001", 1, "node-2")]
    [InlineData("http://127.0.0.1:4001", 2, "node-3")]
    [InlineData("http://127.0.0.1:80", 1, "port-80")]
    [InlineData("http://127.0.0.1:3999", 2, "node-1")]
    [InlineData("http://127.0.0.1:0", 2, "silo-11111")]
    [InlineData("", 1, "node-1")]
    public void Silo_name_is_derived_from_its_port(string urls, int number, string name)
    {
        Assert.Equal(name, NameOf(number, ("urls", urls)));
        Assert.Equal(name, NameOf(
            number, ("urls", urls), ("Presence:Nodes", "2"), ("Presence:Orleans:AdvertisedAddress", "127.0.0.1")));
    }

    [Fact]
    public void Silo_name_is_the_configured_name()
    {
        Assert.Equal("east", NameOf(1, ("Presence:NodeName", "east")));
        Assert.Equal("east-2", NameOf(2, ("Presence:NodeName", "east"), ("Presence:Nodes", "3")));
    }

    [Theory]
    [InlineData("10.0.0.7", "node-1@10.0.0.7")]
    [InlineData("fd00::7", "node-1@fd00--7")]
    public void Silo_name_contains_an_advertised_address(string address, string name) =>
        Assert.Equal(name, NameOf(1, ("Presence:Orleans:AdvertisedAddress", address)));

    [Fact]
    public void An_unknown_or_unreadable_option_of_the_database_is_rejected()
    {
        Refused("Presence:Postgres:Scheme is not an option", ("Presence:Postgres:Scheme", "x"));
        Refused("Presence:Postgres:CreateSchema is 'yes': it must be true or false",
            ("Presence:Postgres:CreateSchema", "yes"));
        Refused("Presence:Postgres:CommandTimeout is 'soon': it must be a duration",
            ("Presence:Postgres:CommandTimeout", "soon"));
    }

    [Theory]
    [InlineData("http://127.0.0.1:4000", null, null, "localhost;*.localhost;127.0.0.1;[::1]")]
    [InlineData("http://localhost:4000;http://[::1]:4000", null, null, "localhost;*.localhost;127.0.0.1;[::1]")]
    [InlineData("http://127.0.0.1:4000", null, "10.0.0.1", "")]
    [InlineData("http://192.0.2.1:4000", null, null, "")]
    [InlineData("http://127.0.0.1:4000", "*", null, "")]
    [InlineData("http://192.0.2.1:4000", "a.example;b.example", null, "a.example;b.example")]
    public void Host_that_only_this_machine_reaches_has_only_local_names(
        string urls, string? allowed, string? proxies, string expected) => Assert.Equal(
            expected,
            string.Join(';', Read(
                ("urls", urls), ("AllowedHosts", allowed), ("Presence:TrustedProxies", proxies ?? "")).AllowedHosts));

    [Theory]
    [InlineData("http://192.0.2.1:4000", null, 1)]
    [InlineData("http://*:4000;https://*:4001", null, 1)]
    [InlineData("http://192.0.2.1:4000", "10.0.0.1", 0)]
    [InlineData("http://127.0.0.1:4000;http://localhost:4001", null, 0)]
    public void Plain_HTTP_to_other_machines_is_noticed(string urls, string? proxies, int expected) =>
        Assert.Equal(
            expected, Read(("urls", urls), ("Presence:TrustedProxies", proxies ?? "")).PlainUrls.Count());

    [Fact]
    public void Forwarded_headers_of_everybody_are_rejected() =>
        Refused("ASPNETCORE_FORWARDEDHEADERS_ENABLED is true", ("FORWARDEDHEADERS_ENABLED", "true"));

    private static void Refused(string expected, params ReadOnlySpan<(string Key, string? Value)> settings)
    {
        var given = settings.ToArray();
        var e = Assert.Throws<SiloStartException>(() => Read(given));
        Assert.StartsWith(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private static string NameOf(int number, params ReadOnlySpan<(string Key, string? Value)> settings) =>
        SiloEndpoints.NameOf(Read(settings).PlanSilos(), number, siloPort: 11111);

    internal static SiloOptions Read(params ReadOnlySpan<(string Key, string? Value)> settings) =>
        SiloOptions.Read(Configuration(settings));

    private static T Bound<T>(params ReadOnlySpan<(string Key, string? Value)> settings) where T : class
    {
        using var provider = SiloOptions.Bind(Configuration(settings));
        return provider.GetRequiredService<IOptions<T>>().Value;
    }

    private static IConfiguration Configuration(ReadOnlySpan<(string Key, string? Value)> settings)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(values).Build();
    }
}
