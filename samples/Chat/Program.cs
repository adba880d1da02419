using Presence.Channels;
using Presence.Node;
using Presence.Samples;
using Presence.Samples.Chat;

// One node without a silo: enough to try the sample. On silos, as in HelloPresence, the rooms span all of them.
var builder = WebApplication.CreateBuilder(args);
builder.Configuration["urls"] ??= "http://127.0.0.1:5000";
builder.Services.AddPresence();
builder.Services.AddChannels(channels => channels
    .Socket<AnyoneSocket>(socket => socket
        .Channel<ChatChannel>(ChatChannel.Prefix + "*", route => route.Grace = TimeSpan.FromSeconds(10))));
var app = builder.Build();
app.MapSocket<AnyoneSocket>("/chat");
app.MapAssets("/assets/");
app.MapGet("/", (HttpContext http) => SamplePages.Show(http, "chat.html"));
await app.RunAsync();
