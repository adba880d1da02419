using System.Text.Json;
using Presence.Tracker.Entries;

namespace Presence.Channels.Wire;

/// <summary>Finds what channels cannot read in the JSON of clients, so that it costs one message and no more.</summary>
internal static class IncomingJson
{
    // What the readers of channels accept by default.
    private const int MaxPayloadDepth = 64;

    /// <summary>
    /// Lets a frame nest as deep as its size allows: <see cref="Skip"/> counts the depth of its payload.
    /// </summary>
    public static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    /// <summary>Reads the value at which the reader is, to its end.</summary>
    /// <returns>Why a payload with this value is rejected, or null.</returns>
    public static ChannelPayload? Skip(ref Utf8JsonReader reader)
    {
        var outside = reader.CurrentDepth;
        var (isText, isShallow) = (true, true);
        var isNested = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
        do
        {
            isText &= JsonText.IsUnicode(reader);
            isShallow &= reader.CurrentDepth - outside < MaxPayloadDepth
                || reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
        }
        while (isNested && reader.Read() && reader.CurrentDepth > outside);

        return !isText ? PhoenixReasons.InvalidText : isShallow ? null : PhoenixReasons.PayloadTooDeep;
    }
}
