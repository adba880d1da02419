using System.Net;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Peers;

/// <summary>A client of <see cref="WebSocketHost"/>, whose messages have no protocol of their own.</summary>
internal sealed class RawClient : ILoadClient
{
    private readonly LoadSocket _socket = new();

    public Action<long>? Received { get; set; }

    public Task ConnectAsync(IPEndPoint server)
    {
        _socket.Received = (_, _) => Received?.Invoke(Stopwatch.GetTimestamp());
        return _socket.ConnectAsync(server, WebSocketHost.Path);
    }

    public Task JoinAsync(string topic) => Task.CompletedTask;

    /// <summary>Sends the text that a channel would send to its clients.</summary>
    public void Push(string topic, int number) => _socket.Send(
        $$"""[null,null,"{{topic}}","message",{"text":"hello everybody, this is a message","n":{{number}}}]""");

    public void Dispose() => _socket.Dispose();
}
