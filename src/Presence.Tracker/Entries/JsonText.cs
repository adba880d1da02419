using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Presence.Tracker.Entries;

/// <summary>Finds escapes of half a surrogate pair: well-formed JSON that readers of its text throw at.</summary>
internal static class JsonText
{
    /// <summary>Options that leave text as UTF-8. The output is never part of a page.</summary>
    public static readonly JsonSerializerOptions Unescaped =
        new(JsonSerializerOptions.Default) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Returns whether all strings and names of a JSON value have a form in UTF-8.</summary>
    public static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        // Text without a backslash has no escapes.
        var isUnicode = true;
        var reader = new Utf8JsonReader(json);
        for (var hasEscapes = json.Contains((byte)'\\'); hasEscapes && isUnicode && reader.Read();)
        {
            isUnicode = IsUnicode(reader);
        }

        return isUnicode;
    }

    /// <summary>Returns whether the string or name at which the reader is has a form in UTF-8.</summary>
    public static bool IsUnicode(in Utf8JsonReader reader)
    {
        var rest = reader.ValueIsEscaped ? reader.ValueSpan : default;
        for (var at = rest.IndexOf((byte)'\\'); at >= 0; at = rest.IndexOf((byte)'\\'))
        {
            rest = rest[at..];
            var unit = Unit(rest);
            if (char.IsSurrogate(unit))
            {
                rest = rest[6..];
                if (!char.IsHighSurrogate(unit) || !char.IsLowSurrogate(Unit(rest)))
                {
                    return false;
                }
            }

            rest = rest[(rest[1] == 'u' ? 6 : 2)..];
        }

        return true;
    }

    // The UTF-16 unit of an escape \uXXXX at the beginning; 0 for any other text.
    private static char Unit(ReadOnlySpan<byte> text) =>
        text.StartsWith("\\u"u8) ? (char)ushort.Parse(text[2..6], NumberStyles.HexNumber, null) : '\0';
}
