using Presence.Tracker;

namespace Presence.Channels;

/// <summary>Who may connect (<c>Presence</c>).</summary>
public sealed class ChannelOptions
{
    /// <summary>
    /// Origins whose pages may connect: hosts (<c>example.com</c>), wildcards (<c>*.example.com</c>), whole origins
    /// (<c>https://example.com:8443</c>) or <c>*</c>. Default: none listed, which means the host the request names.
    /// </summary>
    public IList<string> AllowedOrigins { get; set; } = [];

    /// <summary>
    /// Whether WebSockets may be compressed (permessage-deflate) where the client asks for it. Default false: every message
    /// is then compressed once per client instead of encoded once for all, each socket keeps a window of 32 KiB and more,
    /// and secrets in the same message as text of an attacker can be guessed from its length.
    /// </summary>
    public bool CompressSockets { get; set; }

    /// <summary>
    /// Whether frames are written past the web server's pipe, straight to the operating system. Default false: ASP.NET Core does not
    /// support it. It saves about a fifth of the processor time of a broadcast to thousands. Has no effect where a connection has TLS
    /// or middleware, and on servers other than Kestrel.
    /// </summary>
    public bool DirectSockets { get; set; }

    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:");
        foreach (var origin in AllowedOrigins)
        {
            var isWord = origin.Length > 0 && !origin.Any(char.IsWhiteSpace);
            const string Rule = "must be hosts such as example.org or *.example.org";
            rules.Require(isWord, $"'{origin}'", Rule, nameof(AllowedOrigins));
        }
    }
}
