using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Presence.Tracker.Views;

/// <summary>Reads one field of JSON objects: a JSON Pointer (RFC 6901).</summary>
internal sealed class FieldPointer
{
    private readonly byte[][] _names;

    /// <exception cref="ArgumentException">The text is no pointer.</exception>
    public FieldPointer(string text)
    {
        if (!IsValid(text))
        {
            throw new ArgumentException($"'{text}' is not a JSON Pointer such as /status.", nameof(text));
        }

        Text = text;
        _names =
        [
            .. text[1..].Split('/').Select(name => Encoding.UTF8.GetBytes(
                name.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))),
        ];
    }

    public string Text { get; }

    /// <summary>Returns whether a text begins with a slash, and each <c>~</c> in it is followed by 0 or 1.</summary>
    public static bool IsValid(string text)
    {
        if (!text.StartsWith('/'))
        {
            return false;
        }

        for (var at = text.IndexOf('~', StringComparison.Ordinal); at >= 0; at = text.IndexOf('~', at + 1))
        {
            if (at + 1 == text.Length || text[at + 1] is not ('0' or '1'))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Returns a string, or the text of a number or of a truth value; null if there is none or if it is longer than
    /// <see cref="PresenceView.MaxText"/>.
    /// </summary>
    /// <param name="json">A well-formed object.</param>
    public string? Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        foreach (var name in _names)
        {
            var isFound = reader.TokenType switch
            {
                JsonTokenType.StartObject => FindMember(ref reader, name),
                JsonTokenType.StartArray => FindItem(ref reader, name),
                _ => false,
            };
            if (!isFound)
            {
                return null;
            }
        }

        return reader.TokenType switch
        {
            JsonTokenType.String => Limited(reader.GetString()!),
            JsonTokenType.Number => Limited(Encoding.UTF8.GetString(reader.ValueSpan)),
            JsonTokenType.True => "true",
            JsonTokenType.False => "false",
            _ => null,
        };
    }

    private static bool FindMember(ref Utf8JsonReader reader, byte[] name)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isSought = reader.ValueTextEquals(name);
            reader.Read();
            if (isSought)
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }

    private static bool FindItem(ref Utf8JsonReader reader, byte[] name)
    {
        if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            || (name.Length > 1 && name[0] == (byte)'0'))
        {
            return false;
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (index-- == 0)
            {
                return true;
            }

            reader.Skip();
        }

        return false;
    }

    private static string? Limited(string value) => value.Length <= PresenceView.MaxText ? value : null;
}
