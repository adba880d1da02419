using Presence.Tracker.Options;

namespace Presence.Channels;

/// <summary>Options of sockets (<c>Presence</c>).</summary>
public sealed class ChannelOptions
{
    /// <summary>
    /// Origins whose pages may connect: hosts (<c>example.com</c>), wildcards (<c>*.example.com</c>), whole origins
    /// (<c>https://example.com:8443</c>) or <c>*</c>. Default: empty, which allows the host of the request.
    /// </summary>
    public IList<string> AllowedOrigins { get; set; } = [];

    /// <summary>
    /// Whether WebSockets may be compressed (permessage-deflate) if the client requests it. Default false: with
    /// compression every message is compressed once per client instead of encoded once for all, each socket keeps a
    /// window of at least 32 KiB, and secrets in the same message as text of an attacker can be guessed from its
    /// length.
    /// </summary>
    public bool CompressSockets { get; set; }

    /// <summary>
    /// Whether frames bypass the web server's pipe and are written to the operating system directly. Default false:
    /// ASP.NET Core does not support it. It saves about a fifth of the processor time of a broadcast to thousands. Has
    /// no effect on connections with TLS or middleware, and on servers other than Kestrel.
    /// </summary>
    public bool DirectSockets { get; set; }

    /// <exception cref="ArgumentException">A value breaks a rule; the message says which.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:");
        foreach (var origin in AllowedOrigins)
        {
            var isToken = origin.Length > 0 && !origin.Any(char.IsWhiteSpace);
            const string Rule = "must be hosts such as example.org or *.example.org";
            rules.Require(isToken, $"'{origin}'", Rule, nameof(AllowedOrigins));
        }
    }
}
