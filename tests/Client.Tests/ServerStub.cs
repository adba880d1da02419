using System.Net.WebSockets;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Presence.CommandLine.Tests;

/// <summary>A server that answers what the test tells it to, as no node does.</summary>
internal sealed class ServerStub : IAsyncDisposable
{
    private readonly WebApplication _app;

    private ServerStub(WebApplication app) => _app = app;

    /// <summary>Starts a server.</summary>
    /// <param name="token">The body of the answer to a sign-in.</param>
    /// <param name="joined">Runs after the join of a channel was accepted; then the socket closes with 1001.</param>
    /// <param name="catalogue">The products of a shop.</param>
    public static async Task<ServerStub> StartAsync(
        string token = """{"token":"t"}""", Func<Joined, Task>? joined = null, string catalogue = "[]")
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        app.UseWebSockets();
        app.MapPost("/admin/token", () => token);
        app.MapGet("/catalogue", () => catalogue);
        app.MapGet("/admin_socket/websocket", (HttpContext http) => AnswerAsync(http, joined));
        await app.StartAsync();
        return new ServerStub(app);
    }

    public string[] With(params string[] args) => [.. args, "--url", _app.Urls.First()];

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static async Task AnswerAsync(HttpContext http, Func<Joined, Task>? joined)
    {
        using var socket = await http.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[4096];
        var received = await socket.ReceiveAsync(buffer.AsMemory(), http.RequestAborted);
        var join = JsonSerializer.Deserialize<JsonElement>(buffer.AsSpan(0, received.Count));
        var channel = new Joined(socket, join[0].GetString()!, join[2].GetString()!);
        await channel.SendAsync(join[1].GetString(), "phx_reply", """{"status":"ok","response":{}}""");
        if (joined is not null)
        {
            await joined(channel);
        }

        await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, null, http.RequestAborted);
    }

    /// <summary>A channel that was joined.</summary>
    internal sealed class Joined(WebSocket socket, string joinRef, string topic)
    {
        public Task PushAsync(string name, string payload) => SendAsync(null, name, payload);

        public async Task SendAsync(string? reference, string name, string payload)
        {
            var frame = JsonSerializer.SerializeToUtf8Bytes(
                new object?[] { joinRef, reference, topic, name, JsonSerializer.Deserialize<JsonElement>(payload) });
            await socket.SendAsync(frame, WebSocketMessageType.Text, true, CancellationToken.None);
        }
    }
}
