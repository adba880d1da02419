using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Hosting;
using PresenceSilo;

var builder = Host.CreateApplicationBuilder(args);

// One machine. Use AddPresence with any other clustering of Orleans; then also set Presence:Orleans:ClusterKey.
builder.UseOrleans(silo => silo
    .UseLocalhostClustering(
        builder.Configuration.GetValue("SiloPort", 11111), builder.Configuration.GetValue("GatewayPort", 30000))
    .AddPresence());
builder.Services.AddHostedService<Doorbell>();
await builder.Build().RunAsync();
