using Presence.Channels;
using PresenceChat;

var builder = WebApplication.CreateBuilder(args);

// One process. On a silo (siloBuilder.AddPresence of the package Presence.Orleans) the rooms span all silos.
builder.Services.AddPresence();
builder.Services.AddHealthChecks().AddPresence();
builder.Services.AddChannels(channels => channels
    .Socket<ChatSocket>(socket => socket.Channel<RoomChannel>("room:*")));
var app = builder.Build();
app.UseDefaultFiles();
app.UseStaticFiles();
app.MapHealthChecks("/health/ready");
app.MapSocket<ChatSocket>("/socket");
await app.RunAsync();
