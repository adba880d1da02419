using System.Globalization;

namespace Presence.Channels;

/// <summary>What is sealed in a token: <c>expiry:length of the purpose:purpose user</c>, without the space.</summary>
internal sealed record TokenText(string Purpose, long Expires, string UserId)
{
    public static string Format(string purpose, long expires, string userId) =>
        string.Create(CultureInfo.InvariantCulture, $"{expires}:{purpose.Length}:{purpose}{userId}");

    /// <exception cref="FormatException">The text has not this form.</exception>
    public static TokenText Parse(string text)
    {
        var first = text.IndexOf(':', StringComparison.Ordinal);
        var second = first < 0 ? -1 : text.IndexOf(':', first + 1);
        if (second < 0
            || !long.TryParse(text.AsSpan(0, first), NumberStyles.None, CultureInfo.InvariantCulture, out var expires)
            || !int.TryParse(text.AsSpan(first + 1, second - first - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length > text.Length - second - 1)
        {
            throw new FormatException("Not the text of a token.");
        }

        return new TokenText(text.Substring(second + 1, length), expires, text[(second + 1 + length)..]);
    }
}
