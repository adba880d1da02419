using System.Net;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Peers;

/// <summary>A client of socket.io: version 4 of its engine's protocol, over WebSocket alone.</summary>
internal sealed class SocketIoClient : ILoadClient
{
    private readonly LoadSocket _socket = new();
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Action<long>? Received { get; set; }

    public async Task ConnectAsync(IPEndPoint server)
    {
        _socket.Received = OnMessage;
        _socket.Ended = error => _connected.TrySetException(
            error ?? new InvalidOperationException("The server closed the connection."));
        await _socket.ConnectAsync(server, "/socket.io/?EIO=4&transport=websocket");
        await _connected.Task;
    }

    public Task JoinAsync(string topic) => Task.CompletedTask;

    /// <summary>Sends an event of about the size of a channel's message.</summary>
    public void Push(string topic, int number) => _socket.Send(
        $$"""42["message",{"topic":"{{topic}}","text":"hello everybody, this is a message","n":{{number}}}]""");

    public void Dispose()
    {
        _socket.Ended = null;
        _socket.Dispose();
    }

    private void OnMessage(LoadSocket socket, ReadOnlySpan<byte> message)
    {
        if (message.StartsWith("42"u8))
        {
            Received?.Invoke(Stopwatch.GetTimestamp());
        }
        else if (message.StartsWith("40"u8))
        {
            _connected.TrySetResult();
        }
        else if (message.StartsWith("0"u8))
        {
            // The connection is open: connect to the default namespace.
            socket.Send("40");
        }
        else if (message.StartsWith("2"u8))
        {
            // Answers a ping.
            socket.Send("3");
        }
    }
}
