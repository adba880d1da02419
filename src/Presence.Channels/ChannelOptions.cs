namespace Presence.Channels;

/// <summary>Who may connect (<c>Presence</c>).</summary>
public sealed class ChannelOptions
{
    /// <summary>
    /// Origins whose pages may connect: hosts (<c>example.com</c>), wildcards (<c>*.example.com</c>), whole origins
    /// (<c>https://example.com:8443</c>) or <c>*</c>. Default: none listed, which means the host the request names.
    /// </summary>
    public IList<string> AllowedOrigins { get; } = new List<string>();
}
