using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Presence.Grains.Tests;

/// <summary>Silos and Orleans clients read the section <c>Presence</c>; later code overrides it.</summary>
public sealed class OrleansOptionsTests
{
    [Fact]
    public void Silo_reads_the_options_of_silo_node_and_client()
    {
        using var host = Silo(
            _ => { },
            ("Presence:Orleans:LeaseDuration", "10s"),
            ("Presence:Tracker:PoolSize", "2"),
            ("Presence:Client:RenewalInterval", "500ms"));
        host.Services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Equal(TimeSpan.FromSeconds(10), Of<PresenceOrleansOptions>(host).LeaseDuration);
        Assert.Equal(2, Of<PresenceOptions>(host).Tracker.PoolSize);
        Assert.Equal(TimeSpan.FromMilliseconds(500), Of<PresenceClientOptions>(host).RenewalInterval);
    }

    [Theory]
    [InlineData(
        "Presence:Orleans:BatchByte", "1", "Presence:Orleans:BatchByte is not an option: known are BatchBytes, ")]
    [InlineData(
        "Presence:Orleans:LeaseDuration",
        "30",
        "Presence:Orleans:LeaseDuration is '30': it must be a duration such as 1500ms")]
    [InlineData(
        "Presence:Orleans:SendQueueMaxBytes",
        "much",
        "Presence:Orleans:SendQueueMaxBytes is 'much': it must be a whole number")]
    [InlineData(
        "Presence:Orleans:UniqueLease",
        "1ms",
        "Presence:Orleans:UniqueLease is 00:00:00.0010000: it must be at least 1 s")]
    [InlineData(
        "Presence:Client:SiloSwitchGracePriod",
        "1s",
        "Presence:Client:SiloSwitchGracePriod is not an option: known are CallTimeout, "
        + "MaxKeyBytes, MaxMessageBytes, MaxMetaBytes, MaxTopicBytes, RenewalInterval, SiloSwitchGracePeriod, "
        + "SubscriptionQueueCapacity.")]
    [InlineData(
        "Presence:Client:SiloSwitchGracePeriod",
        "1",
        "Presence:Client:SiloSwitchGracePeriod is '1': it must be a duration such as 1500ms")]
    public void Invalid_settings_stop_the_start(string key, string value, string message) =>
        Assert.StartsWith(message, RejectionOf(Silo(_ => { }, (key, value))), StringComparison.Ordinal);

    [Fact]
    public void Silo_applies_options_that_are_configured_after_AddPresence()
    {
        Assert.StartsWith(
            "Presence:Orleans:BatchBytes is 1: it must be 1024 to 524288",
            RejectionOf(Silo(services => services.Configure<PresenceOrleansOptions>(o => o.BatchBytes = 1))),
            StringComparison.Ordinal);
        using var silo = Silo(
            services => services.Configure<PresenceOrleansOptions>(o => o.BatchBytes = 2048),
            ("Presence:Orleans:BatchBytes", "1"));
        silo.Services.GetRequiredService<IStartupValidator>().Validate();
    }

    [Fact]
    public void Client_reads_only_its_own_section_and_applies_later_code()
    {
        using var client = Client(
            _ => { },
            ("Presence:Client:SubscriptionQueueCapacity", "7"),
            ("Presence:Tracker:PoolSize", "of the silos"));
        client.Services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Equal(7, Of<PresenceClientOptions>(client).SubscriptionQueueCapacity);
        Assert.StartsWith(
            "Presence:Client:SubscriptionQueueCapacity is 0: it must be at least 1",
            RejectionOf(
                Client(services => services.Configure<PresenceClientOptions>(o => o.SubscriptionQueueCapacity = 0))),
            StringComparison.Ordinal);
    }

    private static T Of<T>(IHost host)
        where T : class => host.Services.GetRequiredService<IOptions<T>>().Value;

    private static string RejectionOf(IHost host)
    {
        using (host)
        {
            return Assert.Throws<OptionsValidationException>(
                host.Services.GetRequiredService<IStartupValidator>().Validate).Message;
        }
    }

    private static IHost Silo(Action<IServiceCollection> later, params (string Key, string Value)[] settings) =>
        Build(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering().AddPresence()), later, settings);

    private static IHost Client(Action<IServiceCollection> later, params (string Key, string Value)[] settings) =>
        Build(
            builder => builder.UseOrleansClient(client => client.UseLocalhostClustering().AddPresence()),
            later,
            settings);

    private static IHost Build(
        Action<HostApplicationBuilder> orleans, Action<IServiceCollection> later, (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value));
        orleans(builder);
        later(builder.Services);
        return builder.Build();
    }
}
