namespace Presence.Channels;

/// <summary>Sends to the clients of a topic on every node, from anywhere in the application.</summary>
public interface IChannelBroadcaster
{
    /// <summary>Sends to every client of the topic on every node.</summary>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    void Broadcast(string topic, string name, ChannelPayload payload = default);

    /// <summary>Sends a value as JSON to every client of the topic on every node.</summary>
    void Broadcast<T>(string topic, string name, T payload) => Broadcast(topic, name, ChannelPayload.From(payload));

    /// <summary>Sends to every client of the topic that is connected to this node.</summary>
    void BroadcastLocal(string topic, string name, ChannelPayload payload = default);

    /// <summary>Closes every connection with this <see cref="PresenceSocket.Id"/>; clients reconnect.</summary>
    void Disconnect(string socketId);
}
