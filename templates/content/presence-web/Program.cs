using Orleans.Hosting;

var builder = WebApplication.CreateBuilder(args);

// One machine. Use AddPresence with any other clustering of Orleans; then also set Presence:Orleans:ClusterKey.
builder.UseOrleans(silo => silo
    .UseLocalhostClustering(
        builder.Configuration.GetValue("SiloPort", 11111), builder.Configuration.GetValue("GatewayPort", 30000))
    .AddPresence());
builder.Services.AddHealthChecks().AddPresence();
var app = builder.Build();
app.UseDefaultFiles();
app.UseStaticFiles();
app.MapHealthChecks("/health/ready");

// Anyone may read and write: call RequireAuthorization() here before others can reach the application.
app.MapPresence("/presence");
await app.RunAsync();
