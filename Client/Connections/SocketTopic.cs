using System.Text.Json;

namespace Presence.CommandLine.Connections;

/// <summary>A topic through a node's admin socket, as <c>presence:TOPIC</c>.</summary>
internal sealed class SocketTopic : ITopicClient
{
    private static readonly TimeSpan StateTimeout = TimeSpan.FromSeconds(30);

    private readonly PhoenixSocket _socket;
    private readonly PhoenixChannel _channel;

    private SocketTopic(PhoenixSocket socket, string topic) =>
        (_socket, _channel) = (socket, socket.Channel("presence:" + topic));

    public Task<string> Ended => Task.WhenAny(_socket.Closed, _channel.Ended).Unwrap();

    public static async Task<SocketTopic> OpenAsync(NodeAccess access, string topic, CancellationToken stop) =>
        new(await AdminConnection.OpenAsync(access.Nodes[0], access, stop), topic);

    public async Task<IReadOnlyList<PresenceEvent>> ListAsync(string? key, CancellationToken stop)
    {
        var sync = new PresenceSync(_channel);
        await JoinAsync(sync, stop);
        return
        [
            .. from entry in sync.List()
               where key is null || entry.Key == key
               select new PresenceEvent(PresenceEventKind.Present, entry.Key, entry.Metas),
        ];
    }

    public Task WatchAsync(Action<PresenceEvent> changed, CancellationToken stop) =>
        JoinAsync(new PresenceSync(_channel, changed), stop);

    public async Task<string?> TrackAsync(string key, JsonElement meta, CancellationToken stop)
    {
        await _channel.JoinAsync(new { show = false });
        return (await _channel.PushAsync("track", new { key, meta })).GetProperty("phx_ref").GetString();
    }

    public ValueTask DisposeAsync() => _socket.DisposeAsync();

    /// <summary>Joins, and waits for the presences.</summary>
    /// <exception cref="PhoenixException">They did not come in time, or the server ended the connection.</exception>
    private async Task JoinAsync(PresenceSync sync, CancellationToken stop)
    {
        await _channel.JoinAsync();
        try
        {
            await Task.WhenAny(sync.Synced, Ended).WaitAsync(StateTimeout, stop);
        }
        catch (TimeoutException e)
        {
            throw new PhoenixException("the server did not send the presences within 30 s.", e);
        }

        if (!sync.Synced.IsCompleted)
        {
            throw new PhoenixException($"the server ended the connection: {await Ended}.");
        }
    }
}
