using Microsoft.Extensions.Logging;
using Presence.UniqueNode;

var settings = NodeSettings.Parse(args);
var report = new Report(settings.Name);
using var starvation = new StarvationWatch(report);
var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
builder.Logging.AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Information);
builder.Services.AddSingleton(report).AddSingleton(settings);
await SiloNode.AddAsync(builder, settings, ConfigureNode);
foreach (var name in settings.Consistent)
{
    builder.Services.AddUniqueProcess<EffectLoop>(name, Consistent);
}

foreach (var name in settings.Available)
{
    builder.Services.AddUniqueProcess<EffectLoop>(name);
}

foreach (var name in settings.Groups)
{
    builder.Services.AddUniqueProcess(name, group => group.Add<Companion>().Add<EffectLoop>(), Consistent);
}

var host = builder.Build();
await host.StartAsync();
report.Ready();
await host.WaitForShutdownAsync();
host.Dispose();

void Consistent(UniqueProcessOptions options)
{
    options.Mode = UniqueProcessMode.Consistent;
    options.LeaseDuration = settings.Lease;
}

void ConfigureNode(PresenceOptions presence)
{
    presence.NodeName = settings.Name;
}
