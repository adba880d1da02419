using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Presence.Channels.Wire;

namespace Presence.Channels;

/// <summary>
/// The handlers of a channel's events. Create a <see cref="ChannelEvents{TChannel}"/> once for all channels of a type.
/// </summary>
public abstract class ChannelEvents
{
    private protected ChannelEvents()
    {
    }

    /// <summary>Calls the handler of an event; without one, answers with the error <c>unknown event</c>.</summary>
    internal abstract ValueTask<ChannelResult> HandleAsync(Channel channel, string name, ChannelPayload payload);
}

/// <summary>The handlers of the events of one type of channel; replaces a switch in <c>HandleInAsync</c>.</summary>
/// <remarks>
/// A payload that does not fit the type of its event is answered with the error
/// <c>{"reason": "invalid payload", "path": "$.text"}</c> and counted as <c>presence.frames.dropped</c> with the reason
/// <c>invalid_payload</c>; the channel continues. Build the table in a static field: it is read by all channels.
/// </remarks>
/// <typeparam name="TChannel">The channel.</typeparam>
/// <example>
/// <code>
/// using System.Text.Json.Serialization;
/// using Presence.Channels;
///
/// public sealed class TalkChannel : RoomBase
/// {
///     private static readonly ChannelEvents Handlers = new ChannelEvents&lt;TalkChannel&gt;()
///         .On("say", SayingJson.Default.Saying, (channel, saying) =&gt; channel.Say(saying));
///
///     protected override ChannelEvents Events =&gt; Handlers;
///
///     private ValueTask&lt;ChannelResult&gt; Say(Saying saying)
///     {
///         Broadcast("said", saying);
///         return new(ChannelResult.Ok());
///     }
/// }
///
/// public sealed record Saying(string Text);
///
/// [JsonSerializable(typeof(Saying))]
/// public sealed partial class SayingJson : JsonSerializerContext;
/// </code>
/// </example>
public sealed class ChannelEvents<TChannel> : ChannelEvents
    where TChannel : Channel
{
    private readonly Dictionary<string, Func<TChannel, ChannelPayload, ValueTask<ChannelResult>>> _handlers =
        new(StringComparer.Ordinal);

    /// <summary>Adds a handler of an event with any payload, also a binary one.</summary>
    /// <exception cref="ArgumentException">
    /// The event has a handler already, or is empty, too long or begins with <c>phx_</c>.
    /// </exception>
    public ChannelEvents<TChannel> On(string name, Func<TChannel, ChannelPayload, ValueTask<ChannelResult>> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        PhoenixEvents.Check(name);
        return _handlers.TryAdd(name, handler)
            ? this
            : throw new ArgumentException($"Event '{name}' has a handler already.", nameof(name));
    }

    /// <summary>Adds a handler of an event whose payload has a type.</summary>
    /// <param name="name">The event.</param>
    /// <param name="type">How the payload is read: a property of a source-generated context.</param>
    /// <param name="handler">Called with the channel and the payload, which is never null.</param>
    /// <exception cref="ArgumentException">
    /// The event has a handler already, or is empty, too long or begins with <c>phx_</c>.
    /// </exception>
    public ChannelEvents<TChannel> On<T>(
        string name, JsonTypeInfo<T> type, Func<TChannel, T, ValueTask<ChannelResult>> handler)
    {
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(handler);
        return On(name, (channel, payload) => payload.TryAs(type, out var value, out var path)
            ? handler(channel, value)
            : new(Invalid(channel, path)));
    }

    /// <summary>Adds a handler of an event whose payload is read by reflection, with the web defaults.</summary>
    /// <inheritdoc cref="On{T}(string, JsonTypeInfo{T}, Func{TChannel, T, ValueTask{ChannelResult}})"/>
    [System.Diagnostics.CodeAnalysis.RequiresUnreferencedCode("Use the overload with a JsonTypeInfo.")]
    [System.Diagnostics.CodeAnalysis.RequiresDynamicCode("Use the overload with a JsonTypeInfo.")]
    public ChannelEvents<TChannel> On<T>(string name, Func<TChannel, T, ValueTask<ChannelResult>> handler) =>
        On(name, (JsonTypeInfo<T>)JsonSerializerOptions.Web.GetTypeInfo(typeof(T)), handler);

    internal override ValueTask<ChannelResult> HandleAsync(Channel channel, string name, ChannelPayload payload) =>
        _handlers.TryGetValue(name, out var handler)
            ? handler((TChannel)channel, payload)
            : new(ChannelResult.Error(PhoenixReasons.UnknownEvent));

    private static ChannelResult Invalid(TChannel channel, string path)
    {
        channel.Actor.Server.Instruments.Dropped("invalid_payload");
        return ChannelResult.Error(new { reason = "invalid payload", path });
    }
}
