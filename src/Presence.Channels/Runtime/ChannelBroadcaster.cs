using Presence.Channels.Wire;
using Presence.Node;

namespace Presence.Channels.Runtime;

internal sealed class ChannelBroadcaster(IClusterPubSub pubSub) : IChannelBroadcaster
{
    public void Broadcast(string topic, string name, ChannelPayload payload = default) =>
        Broadcast(topic, name, payload, null);

    public void Broadcast(string topic, string name, ChannelPayload payload, object? sender) =>
        pubSub.Broadcast(Message(topic, name, payload, sender));

    public void BroadcastLocal(string topic, string name, ChannelPayload payload = default) =>
        pubSub.BroadcastLocal(Message(topic, name, payload, null));

    public void Disconnect(string socketId) => Broadcast(socketId, PhoenixEvents.Disconnect, default, null);

    private static PubSubMessage Message(string topic, string name, ChannelPayload payload, object? sender)
    {
        ArgumentException.ThrowIfNullOrEmpty(topic);
        PhoenixEvents.Check(name);
        return new PubSubMessage(topic, name, payload.Bytes, payload.IsBinary) { Sender = sender };
    }
}
