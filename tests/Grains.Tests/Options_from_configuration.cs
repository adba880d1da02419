using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Presence.Grains.Tests;

/// <summary>Silos and Orleans clients read their options from the section <c>Presence</c>, and obey code that runs later.</summary>
public sealed class Options_from_configuration
{
    [Fact]
    public void A_silo_reads_its_own_those_of_its_node_and_those_of_its_client()
    {
        using var host = Silo(
            _ => { },
            ("Presence:Orleans:LeaseDuration", "10s"), ("Presence:Tracker:PoolSize", "2"), ("Presence:Client:CheckPeriod", "500ms"));
        host.Services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Equal(TimeSpan.FromSeconds(10), Of<PresenceOrleansOptions>(host).LeaseDuration);
        Assert.Equal(2, Of<PresenceOptions>(host).Tracker.PoolSize);
        Assert.Equal(TimeSpan.FromMilliseconds(500), Of<PresenceClientOptions>(host).CheckPeriod);
    }

    [Theory]
    [InlineData("Presence:Orleans:BatchByte", "1", "Presence:Orleans:BatchByte is not an option: known are BatchBytes, ")]
    [InlineData("Presence:Orleans:LeaseDuration", "30", "Presence:Orleans:LeaseDuration is '30': it must be a duration such as 1500ms")]
    [InlineData("Presence:Orleans:OutboxBytes", "much", "Presence:Orleans:OutboxBytes is 'much': it must be a whole number")]
    [InlineData("Presence:Orleans:UniqueLease", "1ms", "Presence:Orleans:UniqueLease is 00:00:00.0010000: it must be at least 1 s")]
    [InlineData("Presence:Client:Setle", "1s", "Presence:Client:Setle is not an option: known are CallTimeout, CheckPeriod, Settle, WatchBacklog.")]
    [InlineData("Presence:Client:Settle", "1", "Presence:Client:Settle is '1': it must be a duration such as 1500ms")]
    public void What_cannot_be_meant_stops_the_start(string key, string value, string says) =>
        Assert.StartsWith(says, Refused(Silo(_ => { }, (key, value))), StringComparison.Ordinal);

    [Fact]
    public void A_silo_obeys_what_is_configured_after_presence_was_added()
    {
        Assert.StartsWith(
            "Presence:Orleans:BatchBytes is 1: it must be 1024 to 524288",
            Refused(Silo(services => services.Configure<PresenceOrleansOptions>(o => o.BatchBytes = 1))),
            StringComparison.Ordinal);
        using var silo = Silo(services => services.Configure<PresenceOrleansOptions>(o => o.BatchBytes = 2048), ("Presence:Orleans:BatchBytes", "1"));
        silo.Services.GetRequiredService<IStartupValidator>().Validate();
    }

    [Fact]
    public void A_client_reads_its_own_section_alone_and_obeys_later_code()
    {
        using var client = Client(_ => { }, ("Presence:Client:WatchBacklog", "7"), ("Presence:Tracker:PoolSize", "of the silos"));
        client.Services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Equal(7, Of<PresenceClientOptions>(client).WatchBacklog);
        Assert.StartsWith(
            "Presence:Client:WatchBacklog is 0: it must be at least 1",
            Refused(Client(services => services.Configure<PresenceClientOptions>(o => o.WatchBacklog = 0))),
            StringComparison.Ordinal);
    }

    private static T Of<T>(IHost host)
        where T : class => host.Services.GetRequiredService<IOptions<T>>().Value;

    private static string Refused(IHost host)
    {
        using (host)
        {
            return Assert.Throws<OptionsValidationException>(host.Services.GetRequiredService<IStartupValidator>().Validate).Message;
        }
    }

    private static IHost Silo(Action<IServiceCollection> later, params (string Key, string Value)[] settings) =>
        Build(builder => builder.UseOrleans(silo => silo.UseLocalhostClustering().AddPresence()), later, settings);

    private static IHost Client(Action<IServiceCollection> later, params (string Key, string Value)[] settings) =>
        Build(builder => builder.UseOrleansClient(client => client.UseLocalhostClustering().AddPresence()), later, settings);

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
