using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Presence.Node;

namespace Presence.Channels.Sessions;

/// <summary>
/// Protects resume tokens for clients: encrypted, bound to the channel's topic and to the identity of the socket, and
/// valid for a day.
/// </summary>
internal sealed class ResumeTokens(IDataProtectionProvider protection, TimeProvider time)
{
    public const int MaxLength = 4096;

    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(24);

    private readonly IDataProtector _protector = protection.CreateProtector("Presence.Channels.ResumeToken.v1");

    /// <param name="token">The token of a session.</param>
    /// <param name="topic">The topic of the channel.</param>
    /// <param name="identity">Who may use it.</param>
    public string Protect(ResumeToken token, string topic, string identity)
    {
        using var bytes = new MemoryStream();
        using (var to = new BinaryWriter(bytes))
        {
            to.Write((time.GetUtcNow() + Lifetime).UtcTicks);
            to.Write(topic);
            to.Write(identity);
            to.Write(token.ToBytes());
        }

        return _protector.Protect(Convert.ToBase64String(bytes.ToArray()));
    }

    /// <returns>Null and the reason if the text is no token of this topic and identity, or has expired.</returns>
    public (ResumeToken? Token, string? Rejection) Read(string text, string topic, string identity)
    {
        if (text.Length > MaxLength)
        {
            return (null, "too_long");
        }

        try
        {
            var bytes = Convert.FromBase64String(_protector.Unprotect(text));
            using var from = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
            var expires = from.ReadInt64();
            var isOfChannel = from.ReadString() == topic;
            var isOfClient = from.ReadString() == identity;
            var hasToken = ResumeToken.TryParse(bytes.AsSpan((int)from.BaseStream.Position), out var token);
            return !hasToken ? (null, "forged")
                : !isOfChannel ? (null, "topic")
                : !isOfClient ? (null, "identity")
                : time.GetUtcNow().UtcTicks >= expires ? (null, "expired")
                : (token, null);
        }
        catch (Exception e) when (e is CryptographicException or FormatException or IOException)
        {
            return (null, "forged");
        }
    }
}
