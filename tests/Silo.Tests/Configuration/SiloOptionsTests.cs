using Microsoft.Extensions.Options;
using Presence.Node;

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
    public void A_duration_may_be_written_in_several_ways(string text, int milliseconds)
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
    public void A_duration_without_a_unit_or_sense_is_refused(string text) =>
        Refused("Presence:Tracker:BroadcastPeriod is '", ("Presence:Tracker:BroadcastPeriod", text));

    [Fact]
    public void Lists_are_written_with_commas_or_one_by_one()
    {
        Assert.Equal([10, 20], Bound<PresenceOptions>(("Presence:Tracker:MaxDeltaSizes", "10, 20")).Tracker.MaxDeltaSizes);
        Assert.Equal(
            [10, 20],
            Bound<PresenceOptions>(("Presence:Tracker:MaxDeltaSizes:0", "10"), ("Presence:Tracker:MaxDeltaSizes:1", "20")).Tracker.MaxDeltaSizes);
        Assert.Equal(
            ["a.example", "*.b.example"], Bound<ChannelOptions>(("Presence:AllowedOrigins", "a.example,*.b.example")).AllowedOrigins);
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
    [InlineData("Presence:Admin:User", "a:b")]
    [InlineData("Presence:Admin:TokenLifetime", "1s")]
    public void A_bad_value_is_named_with_its_option(string option, string value) =>
        Refused($"{option} is ", (option, value));

    [Theory]
    [InlineData("Presence:Trakcer")]
    [InlineData("Presence:Limits:MaxTopic")]
    [InlineData("Presence:Admin:Pasword")]
    public void A_name_that_does_not_exist_is_refused_and_those_that_do_are_listed(string option) =>
        Refused($"{option} is not an option: known are ", (option, "1"));

    [Theory]
    [InlineData("http://127.0.0.1")]
    [InlineData("http://127.0.0.1:0;https://localhost:5001")]
    [InlineData("http://[::1]:4000")]
    public void Addresses_may_be_several_and_of_either_kind(string urls) => Assert.NotEmpty(Read(("urls", urls)).Urls);

    [Theory]
    [InlineData("127.0.0.1:4000")]
    [InlineData("ftp://127.0.0.1:4000")]
    [InlineData("http://127.0.0.1:4000/base")]
    [InlineData("http://unix:/tmp/presence.sock")]
    [InlineData("http://127.0.0.1:65535")]
    public void An_address_that_members_cannot_share_out_is_refused(string url) =>
        Refused("urls is '", ("urls", url), ("Presence:Nodes", "2"));

    [Theory]
    [InlineData(new[] { "--nodes", "3", "--Presence:NodeName=a" }, "Presence:Nodes", "3")]
    [InlineData(new[] { "--Presence:Tracker:PoolSize", "2" }, "Presence:Tracker:PoolSize", "2")]
    [InlineData(new[] { "--urls=http://127.0.0.1:1" }, "URLS", "http://127.0.0.1:1")]
    public void Words_of_the_command_line_become_settings(string[] args, string key, string value) =>
        Assert.Equal(value, SiloArguments.Parse(args).Settings[key]);

    [Theory]
    [InlineData("nodes", "3")]
    [InlineData("--")]
    [InlineData("--nodes")]
    [InlineData("--nodes", "--urls")]
    [InlineData("--verbose", "1")]
    public void A_word_that_is_not_understood_is_named(params string[] args) =>
        Assert.Contains(args[0], Assert.Throws<SiloStartException>(() => SiloArguments.Parse(args)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("SiloPort", "0", "must be a port, 1 to 65535")]
    [InlineData("GatewayPort", "many", "must be a whole number")]
    [InlineData("Primary", "here", "must be an address and a silo port, such as 127.0.0.1:11111")]
    [InlineData("AdvertisedAddress", "pod-1", "must be an IP address of this machine")]
    [InlineData("ClusterId", "a b", "must have 1 to 100 characters without blanks")]
    [InlineData("ProbeTimeout", "1ms", "must be at least 100ms")]
    [InlineData("MissedProbes", "0", "must be between 1 and 100")]
    [InlineData("Kubernetes", "maybe", "must be true or false")]
    public void What_silos_cannot_use_is_refused(string option, string value, string rule)
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
    public void A_silo_is_named_by_its_port_whatever_else_is_given(string urls, int number, string name)
    {
        Assert.Equal(name, NameOf(number, ("urls", urls)));
        Assert.Equal(name, NameOf(number, ("urls", urls), ("Presence:Nodes", "2"), ("Presence:Orleans:AdvertisedAddress", "127.0.0.1")));
    }

    [Fact]
    public void A_silo_is_named_as_it_was_told_to_be()
    {
        Assert.Equal("east", NameOf(1, ("Presence:NodeName", "east")));
        Assert.Equal("east-2", NameOf(2, ("Presence:NodeName", "east"), ("Presence:Nodes", "3")));
    }

    [Theory]
    [InlineData("10.0.0.7", "node-1@10.0.0.7")]
    [InlineData("fd00::7", "node-1@fd00--7")]
    public void A_silo_that_other_machines_reach_has_its_address_in_its_name(string address, string name) =>
        Assert.Equal(name, NameOf(1, ("Presence:Orleans:AdvertisedAddress", address)));

    [Fact]
    public void An_unknown_or_unreadable_option_of_the_database_is_refused()
    {
        Refused("Presence:Postgres:Scheme is not an option", ("Presence:Postgres:Scheme", "x"));
        Refused("Presence:Postgres:CreateSchema is 'yes': it must be true or false", ("Presence:Postgres:CreateSchema", "yes"));
        Refused("Presence:Postgres:CommandTimeout is 'soon': it must be a duration", ("Presence:Postgres:CommandTimeout", "soon"));
    }

    private static void Refused(string says, params ReadOnlySpan<(string Key, string Value)> settings)
    {
        var given = settings.ToArray();
        var e = Assert.Throws<SiloStartException>(() => Read(given));
        Assert.StartsWith(says, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    private static string NameOf(int number, params ReadOnlySpan<(string Key, string Value)> settings) =>
        SiloPlace.NameOf(Read(settings), number, siloPort: 11111);

    private static SiloOptions Read(params ReadOnlySpan<(string Key, string Value)> settings) => SiloOptions.Read(Configuration(settings));

    private static T Bound<T>(params ReadOnlySpan<(string Key, string Value)> settings)
        where T : class
    {
        using var provider = SiloOptions.Bind(Configuration(settings));
        return provider.GetRequiredService<IOptions<T>>().Value;
    }

    private static IConfiguration Configuration(ReadOnlySpan<(string Key, string Value)> settings)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        return new ConfigurationBuilder().AddInMemoryCollection(values).Build();
    }
}
