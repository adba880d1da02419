namespace Presence.Channels;

/// <summary>Who may connect (<c>Presence</c>).</summary>
public sealed class ChannelOptions
{
    /// <summary>
    /// Origins whose pages may connect: hosts (<c>example.com</c>), wildcards (<c>*.example.com</c>), whole origins
    /// (<c>https://example.com:8443</c>) or <c>*</c>. Default: none listed, which means the host the request names.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = new List<string>();

    /// <summary>
    /// Whether WebSockets may be compressed (permessage-deflate) where the client asks for it. Default false: every message
    /// is then compressed once per client instead of encoded once for all, each socket keeps a window of 32 KiB and more,
    /// and secrets in the same message as text of an attacker can be guessed from its length.
    /// </summary>
    public bool CompressSockets { get; set; }
}
