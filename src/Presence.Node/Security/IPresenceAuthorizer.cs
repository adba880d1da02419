using System.Security.Claims;

namespace Presence.Node;

/// <summary>What a caller wants to do.</summary>
public enum PresenceOperation
{
    /// <summary>Track a presence under a topic and a key.</summary>
    Track,

    /// <summary>Replace the metadata of a presence.</summary>
    Update,

    /// <summary>End a presence.</summary>
    Untrack,

    /// <summary>Receive the changes of a topic.</summary>
    Subscribe,

    /// <summary>
    /// Read the presences of a topic; or all topics of a key, if the topic is null; or a page of a list by its id, if
    /// topic and key are null; or watch a key in the topics of a pattern (<c>WatchKeysAsync</c>), which may be a prefix
    /// that ends with <c>*</c>.
    /// </summary>
    Read,

    /// <summary>Renew or end leases and subscriptions of a silo by their ids. Topic and key are null.</summary>
    Renew,

    /// <summary>Read who runs a unique process: the key; null for all.</summary>
    ReadProcess,

    /// <summary>Move a unique process, the key, to another node.</summary>
    HandOver,

    /// <summary>End the presences of a key, of any owner, in a topic; in all topics if the topic is null.</summary>
    Evict,

    /// <summary>Send a message to the sessions of a key in a topic; in all topics if the topic is null.</summary>
    Send,
}

/// <summary>A call that an <see cref="IPresenceAuthorizer"/> decides on.</summary>
/// <param name="Operation">The operation.</param>
/// <param name="Topic">The topic; null if the operation has none.</param>
/// <param name="Key">The key, or the name of a unique process; null if the operation has none.</param>
public readonly record struct PresenceAccess(PresenceOperation Operation, string? Topic, string? Key)
{
    /// <summary>Gets the user of an HTTP request or hub connection; null for calls of grains.</summary>
    public ClaimsPrincipal? User { get; init; }
}

/// <summary>
/// Decides what callers of the public grains, of the HTTP endpoints and of hubs may do. Without one all is allowed.
/// </summary>
/// <remarks>
/// <para>On a silo it is called for each call of the public grains (<c>ITopicPresenceGrain</c>,
/// <c>IPresenceSiloGrain</c>, <c>IKeyPresenceGrain</c>, <c>IUniqueProcessGrain</c>, <c>IUniqueDirectoryGrain</c>) that
/// the silo receives, before the call has an effect: from Orleans clients, other grains, and <c>IPresenceClient</c> on
/// a silo. On a web server it is called for each request of <c>MapPresence</c> and each call of a hub's presence. The
/// application's own code on a silo that uses <c>IPresenceNode</c> is not checked.</para>
/// <para>HTTP and hubs set <see cref="PresenceAccess.User"/>. Orleans does not identify clients: put an identity that
/// you can verify, such as a token, into Orleans' <c>RequestContext</c> at the caller, and read it with
/// <c>RequestContext.Get</c> in <see cref="IsAllowedAsync"/>.</para>
/// </remarks>
public interface IPresenceAuthorizer
{
    /// <summary>Returns whether the caller may do this.</summary>
    /// <remarks>
    /// With false the call fails: at a grain's caller with <see cref="UnauthorizedAccessException"/>, in HTTP with
    /// status 403, in a hub with a <c>HubException</c>. A watch of keys does not fail: a key that is not allowed is
    /// never shown, as if it were absent. Called concurrently; must be fast, because each call waits for it.
    /// </remarks>
    ValueTask<bool> IsAllowedAsync(PresenceAccess access);
}
