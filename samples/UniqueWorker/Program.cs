using System.Net;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Node;
using Presence.Samples.UniqueWorker;

var builder = Host.CreateApplicationBuilder(args);
var primary = builder.Configuration.GetValue("primary", 11111);
var port = builder.Configuration.GetValue("port", primary);
builder.Logging.SetMinimumLevel(LogLevel.Error);

// The first process holds the list of silos, so it starts first. It needs no gateway: no client connects.
builder.UseOrleans(silo => silo
    .UseLocalhostClustering(port, gatewayPort: 0, new IPEndPoint(IPAddress.Loopback, primary))
    .Configure<SiloOptions>(options => options.SiloName = $"worker-{port}")
    .AddPresence());
// A stop waits this long for the next holder, so that it gets the count on a busy machine too.
builder.Services.AddUniqueProcess<Ticker>("ticker", options => options.HandOverTimeout = TimeSpan.FromSeconds(10));

using var host = builder.Build();
await host.StartAsync();
Console.WriteLine($"worker-{port} is ready. Ctrl-C stops it.");
await host.WaitForShutdownAsync();
