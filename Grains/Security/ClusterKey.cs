using System.Buffers.Text;
using System.Text;

namespace Presence.Grains.Security;

/// <summary>Reads the secret that the silos of a cluster share (<c>Presence:Orleans:ClusterKey</c>).</summary>
internal static class ClusterKey
{
    public const int MinBytes = 32;

    /// <summary>
    /// Returns the bytes of a key: decoded if the text is base64 of at least 32 bytes, else its UTF-8. Null if it is
    /// too short.
    /// </summary>
    public static byte[]? Parse(string text)
    {
        if (Base64.IsValid(text, out var length) && length >= MinBytes)
        {
            return Convert.FromBase64String(text);
        }

        var utf8 = Encoding.UTF8.GetBytes(text);
        return utf8.Length >= MinBytes ? utf8 : null;
    }
}
