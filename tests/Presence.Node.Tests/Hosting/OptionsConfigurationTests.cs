using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Presence.Node.Tests.Hosting;

/// <summary>Every host reads its options from the section <c>Presence</c>.</summary>
public sealed class OptionsConfigurationTests
{
    [Fact]
    public async Task Plain_host_reads_every_kind_of_value_and_starts()
    {
        using var host = Build(
            ("Presence:NodeName", "configured"),
            ("Presence:MailboxCapacity", "32"),
            ("Presence:ProbeTimeout", "1500ms"),
            ("Presence:Tracker:BroadcastPeriod", "2s"),
            ("Presence:Tracker:DownPeriod", "1min"),
            ("Presence:Tracker:MaxDeltaSizes", "10, 20"),
            ("presence:tracker:loglevel", "Debug"),
            ("Presence:Limits:MaxKeyBytes", "10"));
        await host.StartAsync();
        var options = Of(host);
        Assert.Equal("configured", host.Services.GetRequiredService<IPresenceNode>().Name);
        Assert.Equal((32, TimeSpan.FromMilliseconds(1500)), (options.MailboxCapacity, options.ProbeTimeout));
        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromMinutes(1)), (
            options.Tracker.BroadcastPeriod, options.Tracker.DownPeriod));
        Assert.Equal([10, 20], options.Tracker.MaxDeltaSizes);
        Assert.Equal(("Debug", 10), (options.Tracker.LogLevel, options.Limits.MaxKeyBytes));
        await host.StopAsync();
    }

    [Theory]
    [InlineData("Presence:Trakcer", "1", "Presence:Trakcer is not an option: known are ")]
    [InlineData(
        "Presence:Tracker:Pool",
        "1",
        "Presence:Tracker:Pool is not an option: known are BroadcastPeriod, ClockSamplePeriods, DeltaDelay,")]
    [InlineData(
        "Presence:Tracker:BroadcastPeriod",
        "1500",
        "Presence:Tracker:BroadcastPeriod is '1500': it must be a duration such as 1500ms")]
    [InlineData(
        "Presence:Tracker:DownPeriod",
        "",
        "Presence:Tracker:DownPeriod is '': it must be a duration such as 1500ms")]
    [InlineData("Presence:Tracker:PoolSize", "two", "Presence:Tracker:PoolSize is 'two': it must be a whole number")]
    [InlineData("Presence:Tracker:PoolSize:0", "2", "Presence:Tracker:PoolSize is '2': it must be a whole number")]
    [InlineData("Presence:Tracker:PoolSize", "0", "Presence:Tracker:PoolSize is 0: it must be between 1 and 1024")]
    [InlineData(
        "Presence:Tracker:MaxDeltaSizes",
        "1,two",
        "Presence:Tracker:MaxDeltaSizes is '1,two': it must be whole numbers")]
    [InlineData(
        "Presence:Limits:MaxTopicBytes",
        "0",
        "Presence:Limits:MaxTopicBytes is 0: it must be between 1 and 65536")]
    [InlineData(
        "Presence:UniqueProcesses:job:StopTimeout",
        "5",
        "Presence:UniqueProcesses:job:StopTimeout is '5': it must be a duration")]
    [InlineData(
        "Presence:UniqueProcesses:job:StopTimeout",
        "60.00:00:00",
        "Unique process 'job': StopTimeout is 60.00:00:00: it must be at most 24 days.")]
    [InlineData(
        "Presence:UniqueProcesses:jbo:StopTimeout",
        "5s",
        "Presence:UniqueProcesses:jbo is not an option: known are job.")]
    [InlineData(
        "Presence:UniqueProcesses:job:Mode",
        "Both",
        "Presence:UniqueProcesses:job:Mode is 'Both': it must be Available or Consistent")]
    public async Task Invalid_configuration_fails_the_start_and_the_message_names_value_and_rule(
        string key, string value, string expected)
    {
        using var host = Build((key, value));
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.StartsWith(expected, thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_set_in_code_win_over_the_configuration()
    {
        using var host = Build(
            services => services
                .Configure<PresenceOptions>(o => o.Tracker.PoolSize = 3)
                .AddPresence(o => o.NodeName = "by code"),
            ("Presence:NodeName", "configured"),
            ("Presence:Tracker:PoolSize", "2"),
            ("Presence:MailboxCapacity", "32"));
        Assert.Equal(("by code", 3, 32), (Of(host).NodeName, Of(host).Tracker.PoolSize, Of(host).MailboxCapacity));
    }

    [Fact]
    public void Unique_process_is_configured_by_its_name_and_by_code()
    {
        using var host = Build(
            services => services.Configure<UniqueProcessOptions>("job", o => o.RestartDelay = TimeSpan.FromSeconds(7)),
            ("Presence:UniqueProcesses:job:StopTimeout", "9s"));
        var options = host.Services.GetRequiredService<IOptionsMonitor<UniqueProcessOptions>>().Get("job");
        Assert.Equal((TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(7)), (options.StopTimeout, options.RestartDelay));
    }

    [Fact]
    public async Task Unique_process_validates_options_that_are_configured_later()
    {
        using var host = Build(
            services => services.Configure<UniqueProcessOptions>("job", o => o.LeaseDuration = TimeSpan.Zero));
        var thrown = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Equal("Unique process 'job': LeaseDuration is 00:00:00: it must be 1 s to 10 min.", thrown.Message);
    }

    private static PresenceOptions Of(IHost host) =>
        host.Services.GetRequiredService<IOptions<PresenceOptions>>().Value;

    private static IHost Build(params (string Key, string Value)[] settings) => Build(_ => { }, settings);

    private static IHost Build(Action<IServiceCollection> more, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value));
        builder.Services.AddPresence().AddUniqueProcess<Idle>("job");
        more(builder.Services);
        return builder.Build();
    }

    private sealed class Idle : IUniqueProcess
    {
        public Task RunAsync(UniqueProcessContext context) => Task.CompletedTask;
    }
}
