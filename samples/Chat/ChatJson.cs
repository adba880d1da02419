using System.Text.Json;
using System.Text.Json.Serialization;

namespace Presence.Samples.Chat;

/// <summary>The parameters of a join.</summary>
internal sealed record ChatJoin(string Name);

/// <summary>The payload of <c>message</c> from a client.</summary>
internal sealed record ChatText(string Text);

/// <summary>The payload of <c>message</c> to the clients.</summary>
internal sealed record ChatMessage(string Name, string Text, long At);

/// <summary>The metadata of a person, and the payload of <c>typing</c>.</summary>
internal sealed record ChatPerson
{
    public required bool Typing { get; init; }
}

/// <summary>Reads and writes the payloads without reflection.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ChatJoin))]
[JsonSerializable(typeof(ChatText))]
[JsonSerializable(typeof(ChatMessage))]
[JsonSerializable(typeof(ChatPerson))]
internal sealed partial class ChatJson : JsonSerializerContext;
