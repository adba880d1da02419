using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Node;
using Presence.Postgres;
using Presence.UniqueMember;

var settings = MemberSettings.Parse(args);
var report = new Report(settings.Name);
using var starvation = new StarvationWatch(report);
var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
builder.Logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Information);
builder.Services.AddSingleton(report).AddSingleton(settings);
if (settings.Engine == "orleans")
{
    await SiloMember.AddAsync(builder, settings, ConfigureNode);
}
else
{
    builder.Services.AddPresence(ConfigureNode);
    builder.Services.UsePostgres(settings.Database, postgres =>
    {
        postgres.Schema = settings.Schema;
        // Started again in the middle of an outage, on a machine that others keep busy.
        postgres.StartTimeout = TimeSpan.FromSeconds(50);
    });
}

foreach (var name in settings.Processes)
{
    builder.Services.AddUniqueProcess<EffectLoop>(name, Configure);
}

foreach (var name in settings.Groups)
{
    builder.Services.AddUniqueProcess(name, group => group.Add<Companion>().Add<EffectLoop>(), Configure);
}

var host = builder.Build();
await host.StartAsync();
report.Ready();
await host.WaitForShutdownAsync();
host.Dispose();

void Configure(UniqueProcessOptions options)
{
    options.Mode = settings.Mode;
    options.Lease = settings.Lease;
}

void ConfigureNode(PresenceOptions presence)
{
    presence.NodeName = settings.Name;
    presence.Tracker.BroadcastPeriod = TimeSpan.FromMilliseconds(400);
    presence.Tracker.MaxSilentPeriods = 5;
    presence.Tracker.DownPeriod = TimeSpan.FromSeconds(4);
}
