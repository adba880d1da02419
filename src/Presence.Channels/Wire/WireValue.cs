using System.Text;
using System.Text.Json;
using Presence.Tracker.Entries;

namespace Presence.Channels.Wire;

/// <summary>A reference or name of a client: any JSON value, which is sent back as it came.</summary>
/// <param name="Text">The value of a string, or other JSON; null for <c>null</c>.</param>
/// <param name="IsJson">Whether the text is JSON: not a string, or a string that has no form in UTF-8.</param>
internal readonly record struct WireValue(string? Text, bool IsJson = false)
{
    public bool IsNull => Text is null;

    /// <summary>Gets whether it is a string, even one without a form in UTF-8.</summary>
    public bool IsString => Text is not null && (!IsJson || Text[0] == '"');

    /// <summary>Gets whether it fits a binary frame.</summary>
    public bool IsShort => Text is null || Encoding.UTF8.GetByteCount(Text) <= byte.MaxValue;

    public static implicit operator WireValue(string? text) => new(text);

    /// <summary>Reads the value at which the reader is, to its end.</summary>
    /// <param name="reader">The reader.</param>
    /// <param name="bytes">What it reads.</param>
    public static WireValue Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            return default;
        }

        if (reader.TokenType == JsonTokenType.String && JsonText.IsUnicode(reader))
        {
            return reader.GetString();
        }

        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return new WireValue(Encoding.UTF8.GetString(bytes[start..(int)reader.BytesConsumed]), true);
    }
}
