using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>One connection of a client. Derive from it; constructor parameters come from the application's services.</summary>
public abstract class PresenceSocket
{
    private Dictionary<string, object?>? _assigns;

    /// <summary>
    /// Names the user or device behind the connection, or null. A <see cref="IChannelBroadcaster.Disconnect"/> with the same
    /// id closes it, on whatever member it is. Read once, after <see cref="ConnectAsync"/>.
    /// </summary>
    public virtual string? Id => null;

    /// <summary>Values that the socket leaves for its channels. Write them in <see cref="ConnectAsync"/> only.</summary>
    public IDictionary<string, object?> Assigns => _assigns ??= new(StringComparer.Ordinal);

    /// <summary>Decides whether the client may connect. A refusal, and an exception, is answered with status 403.</summary>
    protected internal abstract ValueTask<ConnectResult> ConnectAsync(SocketConnect connect);
}

/// <summary>Whether a client may connect.</summary>
public enum ConnectResult
{
    /// <summary>It may not.</summary>
    Refuse,

    /// <summary>It may.</summary>
    Accept,
}

/// <summary>What a connecting client brings.</summary>
/// <param name="Http">The request; not to be kept.</param>
/// <param name="Token">
/// The token of the client: its <c>authToken</c> option (a subprotocol, or a header of a long poll), else the parameter <c>token</c>, else null.
/// </param>
public sealed record SocketConnect(HttpContext Http, string? Token)
{
    /// <summary>A parameter of the client, or null.</summary>
    /// <remarks>Of several values of one name the last. Parameter <c>token</c> is <see cref="Token"/>.</remarks>
    public string? Parameter(string name) =>
        name == "token" ? Token : Http.Request.Query.TryGetValue(name, out var values) && values is [.., { } last] ? last : null;
}
