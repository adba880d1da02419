using Presence.Channels;
using Presence.Dashboard;
using Presence.Node;
using Presence.Samples;
using Presence.Samples.Shop;

// One node without a silo: enough to try the sample. The host in Silo runs it on a cluster.
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddPresence();
builder.Services.AddShop();
builder.Services.AddChannels(channels => channels.Socket<AnyoneSocket>(routes => routes.AddShop()));
builder.Services.AddPresenceDashboard();
var app = builder.Build();
app.MapPresenceDashboard();
app.MapSocket<AnyoneSocket>("/socket");
app.MapShop();
await app.RunAsync();
