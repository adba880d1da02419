using System.Runtime.CompilerServices;
using System.Security.Claims;
using Presence.Node.KeyWatching;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Watches keys, such as the friends of a user, in many topics at once.</summary>
public static class KeyWatchExtensions
{
    /// <summary>
    /// Returns which of some keys are present in the topics of a pattern, and then those that come and go, in groups.
    /// </summary>
    /// <param name="tracker">A tracker of this node.</param>
    /// <param name="keys">At most 1,000 keys. A key that is given twice counts once.</param>
    /// <param name="within">A topic, or a prefix of topics that ends with <c>*</c>, such as <c>user:*</c>.</param>
    /// <param name="cancellation">Ends the enumeration.</param>
    /// <remarks>
    /// <para>The first item has the keys that are present, perhaps none. Each later item has at least one key: one that
    /// became present, because its first device joined one of the topics, or absent, because its last device left the
    /// last of them. The first change comes at once, later ones together, at most every 25 ms. What cancels out
    /// meanwhile, or before the caller takes the item, is not in it.</para>
    /// <para>This node watches for as long as the enumeration runs. What waits for a slow caller is
    /// bounded: one bit a key. An application's own code may watch any key; see the overload for keys that a client
    /// names.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// There are more than 1,000 keys, the pattern has a wildcard that is not at its end, or a text contains an
    /// unpaired surrogate. Thrown by the call, before the enumeration.
    /// </exception>
    /// <exception cref="PresenceLimitException">The pattern or a key is empty or too large.</exception>
    /// <exception cref="NotSupportedException">The tracker is not one of a node.</exception>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    /// <example>
    /// <code>
    /// string[] friends = ["ann", "bob"];
    /// await foreach (var changes in node.Tracker.WatchKeysAsync(friends, "user:*", CancellationToken.None))
    /// {
    ///     foreach (var (key, isPresent) in changes)
    ///     {
    ///         Console.WriteLine($"{key} is {(isPresent ? "online" : "offline")}");
    ///     }
    /// }
    /// </code>
    /// </example>
    public static IAsyncEnumerable<IReadOnlyList<KeyChange>> WatchKeysAsync(
        this IPresenceTracker tracker,
        IReadOnlyCollection<string> keys,
        string within,
        CancellationToken cancellation = default) =>
        WatchKeysAsync(tracker, keys, within, null, null, cancellation);

    /// <summary>Does the same for keys that a client names, of which an authorizer may forbid some.</summary>
    /// <param name="tracker">A tracker of this node.</param>
    /// <param name="keys">At most 1,000 keys.</param>
    /// <param name="within">A topic, or a prefix of topics that ends with <c>*</c>.</param>
    /// <param name="authorizer">
    /// Is called for each key, with <see cref="PresenceOperation.Read"/> and the pattern as topic, when the
    /// enumeration begins. A key that it forbids is never shown: for its reader it is absent. Null
    /// allows all keys.
    /// </param>
    /// <param name="user">The user whom the authorizer sees.</param>
    /// <param name="cancellation">Ends the enumeration.</param>
    /// <inheritdoc cref="WatchKeysAsync(IPresenceTracker, IReadOnlyCollection{string}, string, CancellationToken)"
    /// path="/exception"/>
    public static IAsyncEnumerable<IReadOnlyList<KeyChange>> WatchKeysAsync(
        this IPresenceTracker tracker,
        IReadOnlyCollection<string> keys,
        string within,
        IPresenceAuthorizer? authorizer,
        ClaimsPrincipal? user,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(tracker);
        var watches = tracker.KeyWatches ?? throw new NotSupportedException("This tracker cannot watch keys.");
        return WatchAsync(watches, watches.Check(keys, within), authorizer, user, cancellation);
    }

    private static async IAsyncEnumerable<IReadOnlyList<KeyChange>> WatchAsync(
        KeyWatches watches,
        KeyWatchRequest request,
        IPresenceAuthorizer? authorizer,
        ClaimsPrincipal? user,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var watch = await watches.OpenAsync(request, authorizer, user, cancellation).ConfigureAwait(false);
        await foreach (var changes in watch.ReadAsync(cancellation).ConfigureAwait(false))
        {
            if (changes is not null)
            {
                yield return changes;
            }
        }
    }
}
