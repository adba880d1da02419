using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using Presence.Silo.Nodes;

namespace Presence.Silo.Tests.Endpoints;

public sealed class ServerTests
{
    /// <summary>Each client that sends faster than it is read fills these buffers, of 1 MiB by default.</summary>
    [Fact]
    public async Task What_a_client_sent_and_was_not_read_is_at_most_64_KiB()
    {
        var builder = WebApplication.CreateSlimBuilder();
        NodeHost.ConfigureServer(builder);
        await using var app = builder.Build();
        Assert.Equal(64 * 1024, app.Services.GetRequiredService<IOptions<SocketTransportOptions>>()
            .Value.MaxReadBufferSize);
        Assert.Equal(64 * 1024, app.Services.GetRequiredService<IOptions<KestrelServerOptions>>()
            .Value.Limits.MaxRequestBufferSize);
    }
}
