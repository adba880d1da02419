using System.Text.Json;
using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>Serves <c>ping</c>: replies, and events that fail on purpose.</summary>
internal sealed class PingChannel : Channel
{
    private const string RequestPing = "request_ping";

    protected override IReadOnlyCollection<string> InterceptedEvents { get; } = [RequestPing];

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) => name switch
    {
        "ping" => new(ChannelResult.Ok(new { ping = "pong" })),
        "binary" => new(ChannelResult.Ok(payload)),
        "noreply" => new(ChannelResult.NoReply),
        "crash" => throw new InvalidOperationException("The client requested a crash of this channel."),
        "stop" => new(ChannelResult.Stop()),
        _ => base.HandleInAsync(name, payload),
    };

    /// <summary>Adds the name of the node that pushes the event.</summary>
    protected override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        Push(name, JsonFields.With(payload, "from_node", NodeName) ?? payload);
        return default;
    }
}
