using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>Connection of a client. Derive from it; constructor parameters are resolved from the services.</summary>
public abstract class PresenceSocket
{
    private Dictionary<string, object?>? _assigns;
    private System.Runtime.CompilerServices.StrongBox<SocketToken>? _token;

    /// <summary>
    /// Gets the user or device of the connection, or null. <see cref="IChannelBroadcaster.Disconnect"/> with this ID
    /// closes the connection on any node. It must not change after <see cref="ConnectAsync"/>.
    /// </summary>
    public virtual string? Id => null;

    /// <summary>
    /// Gets or sets the token of the connection; null: it has no end. Set it in <see cref="ConnectAsync"/>. When it
    /// expires or is revoked, the channels end and the connection is closed with 1008.
    /// </summary>
    public SocketToken? Token
    {
        get => Volatile.Read(ref _token)?.Value;
        set => Volatile.Write(ref _token, value is { } token ? new(token) : null);
    }

    /// <summary>Gets values for the channels. Write to it only in <see cref="ConnectAsync"/>.</summary>
    public IDictionary<string, object?> Assigns => _assigns ??= new(StringComparer.Ordinal);

    /// <summary>Decides whether the client may connect. A rejection or exception answers 403.</summary>
    protected internal abstract ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect);

    /// <summary>
    /// Reads the token with which a client renews <see cref="Token"/>: it pushes the event <c>access_token</c> with
    /// <c>{"access_token": "..."}</c> on any topic. Called only if there is a token. One of another user is rejected.
    /// </summary>
    /// <returns>Null if it is invalid, as by default.</returns>
    protected internal virtual ValueTask<SocketToken?> RenewAsync(string accessToken) => new((SocketToken?)null);
}

/// <summary>Result of a connection attempt.</summary>
public enum ConnectResult
{
    /// <summary>The client may not connect.</summary>
    Rejected,
    /// <summary>The client may connect.</summary>
    Accepted,
}

/// <summary>Request of a connecting client.</summary>
/// <param name="Http">The request; do not keep it.</param>
/// <param name="Token">
/// The <c>authToken</c> option of the client (a subprotocol, or a header of a long poll), else the parameter
/// <c>token</c>, else null.
/// </param>
public sealed record SocketConnectContext(HttpContext Http, string? Token)
{
    /// <summary>Returns a parameter of the client, or null.</summary>
    /// <remarks>The last one of several values counts. Parameter <c>token</c> is <see cref="Token"/>.</remarks>
    public string? Parameter(string name) =>
        name == "token" ? Token
        : Http.Request.Query.TryGetValue(name, out var values) && values is [.., { } last] ? last : null;
}
