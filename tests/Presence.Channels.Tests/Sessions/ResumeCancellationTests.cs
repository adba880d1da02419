using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Presence.Tracker.Sessions;
using WebHost = Presence.Channels.Tests.Transport.WebHost;

namespace Presence.Channels.Tests.Sessions;

/// <summary>Clients that disconnect while their session is asked for at other nodes.</summary>
public sealed class ResumeCancellationTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Resume_is_cancelled_when_its_connection_closes(bool isClosedByServer)
    {
        var node = new StubNode();
        await using var host = await WebHost.StartAsync("n1", null, builder =>
        {
            builder.Services.AddSingleton<IPresenceNode>(node);
            builder.Services.AddChannels(channels => channels.Socket<TokenSocket>(routes => routes
                .Channel<EchoChannel>("kept:*", route => route.Grace = Long)));
        });
        using var resumes = new MetricCollector<long>(
            host.Services.GetRequiredService<IMeterFactory>(), "Presence.Channels", "presence.sessions.resumes");
        var user = host.Services.GetRequiredService<SocketTokens>().Create("socket", "ann", Long);
        using var socket = await host.ConnectAsync($"/socket/websocket?vsn=2.0.0&token={Uri.EscapeDataString(user)}");
        var session = new ResumeToken(new SessionId(1, 2), default, new ReplicaId("n2", 1));
        var token = host.Server.ResumeTokens.Protect(session, "kept:1", $"{typeof(TokenSocket).FullName}\nuser:ann");
        await socket.SendAsync($$"""["1","1","kept:1","phx_join",{"resume":"{{token}}"}]""");
        await node.Resuming.Task.WaitAsync(TestClient.Timeout);

        if (isClosedByServer)
        {
            host.Server.Broadcaster.Disconnect("user:ann");
        }
        else
        {
            socket.Abort();
        }

        await resumes.WaitForMeasurementsAsync(1, TestClient.Timeout);
        Assert.Equal("canceled", resumes.LastMeasurement!.Tags["outcome"]);
    }
}
