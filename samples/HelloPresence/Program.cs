using Orleans.Hosting;
using Presence.Channels;
using Presence.Grains;
using Presence.Samples;

var builder = WebApplication.CreateBuilder(args);
var settings = builder.Configuration;
settings["urls"] ??= "http://127.0.0.1:5000";
builder.Logging.SetMinimumLevel(LogLevel.Error).AddFilter("Microsoft.Hosting", LogLevel.Information);
builder.UseOrleans(silo => silo
    .UseLocalhostClustering(settings.GetValue("siloPort", 11111), settings.GetValue("gatewayPort", 30000))
    .AddPresence());
builder.Services.AddChannels(channels => channels.Socket<AnyoneSocket>(socket => socket.Channel<Lobby>("lobby")));
var app = builder.Build();
app.MapSocket<AnyoneSocket>("/socket");
app.MapAssets("/assets/");
app.MapGet("/", () => Results.Stream(typeof(Lobby).Assembly.GetManifestResourceStream("index.html")!, "text/html"));
await app.StartAsync();

var presence = app.Services.GetRequiredService<IPresenceClient>();
await using var lobby = await presence.SubscribeAsync("lobby", async changes =>
    await Console.Out.WriteLineAsync(string.Join('\n', changes.Select(c => $"{c.Kind}: {c.Entry.Key}"))));
await app.WaitForShutdownAsync();

/// <summary>Tracks each client that joins, under the name that its page sends.</summary>
internal sealed class Lobby : Channel
{
    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        await TrackAsync(payload.ToElement().GetProperty("name").GetString()!);
        PushPresence();
        return JoinResult.Ok();
    }
}
