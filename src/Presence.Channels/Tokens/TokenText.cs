using System.Globalization;

namespace Presence.Channels.Tokens;

/// <summary>Plain text of a token: <c>issue:expiry:length of the purpose:purpose user</c>, without the space.</summary>
internal sealed record TokenText(string Purpose, long Issued, long Expires, string UserId)
{
    public static string Format(string purpose, long issued, long expires, string userId) =>
        string.Create(CultureInfo.InvariantCulture, $"{issued}:{expires}:{purpose.Length}:{purpose}{userId}");

    /// <exception cref="FormatException">The text has another form.</exception>
    public static TokenText Parse(string text)
    {
        var invariant = CultureInfo.InvariantCulture;
        var first = text.IndexOf(':', StringComparison.Ordinal);
        var second = first < 0 ? -1 : text.IndexOf(':', first + 1);
        var third = second < 0 ? -1 : text.IndexOf(':', second + 1);
        if (third < 0
            || !long.TryParse(text.AsSpan(0, first), NumberStyles.None, invariant, out var issued)
            || !long.TryParse(text.AsSpan((first + 1)..second), NumberStyles.None, invariant, out var expires)
            || !int.TryParse(text.AsSpan((second + 1)..third), NumberStyles.None, invariant, out var length)
            || length > text.Length - third - 1)
        {
            throw new FormatException("Not the text of a token.");
        }

        var user = text[(third + 1 + length)..];
        return new TokenText(text.Substring(third + 1, length), issued, expires, user);
    }
}
