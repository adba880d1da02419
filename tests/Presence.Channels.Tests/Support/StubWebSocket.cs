namespace Presence.Channels.Tests;

/// <summary>A WebSocket without a client: takes everything and says nothing.</summary>
internal class StubWebSocket : WebSocket
{
    public override WebSocketCloseStatus? CloseStatus => null;
    public override string? CloseStatusDescription => null;
    public override WebSocketState State => WebSocketState.Open;
    public override string? SubProtocol => null;

    public override ValueTask SendAsync(
        ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
        CancellationToken cancellationToken) => default;

    public override Task SendAsync(
        ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
        CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override void Abort()
    {
    }

    public override void Dispose()
    {
    }

    public override Task CloseAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription,
        CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task CloseOutputAsync(
        WebSocketCloseStatus closeStatus, string? statusDescription,
        CancellationToken cancellationToken) => Task.CompletedTask;

    public override Task<WebSocketReceiveResult> ReceiveAsync(
        ArraySegment<byte> buffer, CancellationToken cancellationToken) => throw new NotSupportedException();
}
