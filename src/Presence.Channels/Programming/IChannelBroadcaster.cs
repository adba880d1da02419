namespace Presence.Channels;

/// <summary>Sends to the clients of a topic on every member, from anywhere in the application.</summary>
public interface IChannelBroadcaster
{
    /// <summary>To every client that has joined the topic.</summary>
    /// <exception cref="ArgumentException">The event is empty, too long or begins with <c>phx_</c>.</exception>
    void Broadcast(string topic, string name, ChannelPayload payload = default);

    /// <summary>A value as JSON to every client that has joined the topic.</summary>
    void Broadcast<T>(string topic, string name, T payload) => Broadcast(topic, name, ChannelPayload.From(payload));

    /// <summary>To every client of the topic that is connected to this member.</summary>
    void BroadcastLocal(string topic, string name, ChannelPayload payload = default);

    /// <summary>Closes every connection with this <see cref="PresenceSocket.Id"/>; stock clients connect again.</summary>
    void Disconnect(string socketId);
}
