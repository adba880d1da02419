using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Other forms of the members of <see cref="IPresenceClient"/>.</summary>
public static class PresenceClientExtensions
{
    /// <summary>Returns whether a key is present in any topic.</summary>
    /// <inheritdoc cref="IPresenceClient.ListAsync" path="/exception"/>
    public static async Task<bool> IsOnlineAsync(
        this IPresenceClient client, string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        return (await client.TopicsOfAsync(key, cancellation)).Count > 0;
    }

    /// <summary>
    /// Enumerates every presence of a topic as a join, and then each change, in order and exactly once, until canceled.
    /// </summary>
    /// <remarks>While the caller is slow, changes are coalesced to their net effect.</remarks>
    /// <inheritdoc cref="IPresenceClient.SubscribeAsync(string, Func{IReadOnlyList{PresenceChange}, ValueTask},
    /// SubscriptionKind, CancellationToken)" path="/exception"/>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    /// <example>
    /// <code>
    /// await foreach (var change in presence.WatchAsync("lobby", CancellationToken.None))
    /// {
    ///     Console.WriteLine($"{change.Kind} {change.Entry.Key}");
    /// }
    /// </code>
    /// </example>
    public static async IAsyncEnumerable<PresenceChange> WatchAsync(
        this IPresenceClient client, string topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        await foreach (var change in EnumerateAsync<PresenceChange>(
            handler => client.SubscribeAsync(topic, handler, cancellation: cancellation), cancellation))
        {
            yield return change;
        }
    }

    /// <summary>
    /// Enumerates every presence in a view of a topic as a join, and then each change of the view, in order and exactly
    /// once, until canceled. The silo computes the view; nothing else is sent to this client.
    /// </summary>
    /// <remarks>While the caller is slow, changes are coalesced to their net effect.</remarks>
    /// <inheritdoc cref="IPresenceClient.SubscribeAsync(string, PresenceView, Func{IReadOnlyList{PresenceChange},
    /// ValueTask}, CancellationToken)" path="/exception"/>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    public static async IAsyncEnumerable<PresenceChange> WatchAsync(
        this IPresenceClient client,
        string topic,
        PresenceView view,
        [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        await foreach (var change in EnumerateAsync<PresenceChange>(
            handler => client.SubscribeAsync(topic, view, handler, cancellation), cancellation))
        {
            yield return change;
        }
    }

    /// <summary>
    /// Subscribes to the keys of a topic that come and go, whatever the number of their devices: delivers every key
    /// that is present, as come; then a key when its first presence has joined, and when its last one has left.
    /// </summary>
    /// <inheritdoc cref="IPresenceClient.SubscribeAsync(string, Func{IReadOnlyList{PresenceChange}, ValueTask},
    /// SubscriptionKind, CancellationToken)"/>
    public static Task<ITopicSubscription> SubscribeKeysAsync(
        this IPresenceClient client,
        string topic,
        Func<IReadOnlyList<KeyChange>, ValueTask> handler,
        SubscriptionKind kind = SubscriptionKind.Observer,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(handler);
        return client.SubscribeAsync(
            topic,
            changes => KeyChange.Of(changes) is { Count: > 0 } come ? handler(come) : default,
            kind,
            cancellation);
    }

    /// <summary>Enumerates the keys of a topic that come and go, as <see cref="SubscribeKeysAsync"/> does.</summary>
    /// <inheritdoc cref="IPresenceClient.SubscribeAsync(string, Func{IReadOnlyList{PresenceChange}, ValueTask},
    /// SubscriptionKind, CancellationToken)" path="/exception"/>
    /// <exception cref="OperationCanceledException">The enumeration was canceled.</exception>
    public static async IAsyncEnumerable<KeyChange> WatchKeysAsync(
        this IPresenceClient client, string topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(client);
        await foreach (var change in EnumerateAsync<KeyChange>(
            handler => client.SubscribeKeysAsync(topic, handler, cancellation: cancellation), cancellation))
        {
            yield return change;
        }
    }

    private static async IAsyncEnumerable<T> EnumerateAsync<T>(
        Func<Func<IReadOnlyList<T>, ValueTask>, Task<ITopicSubscription>> subscribe,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var batches = Channel.CreateBounded<IReadOnlyList<T>>(1);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using var subscription = await subscribe(changes => WriteAsync(batches.Writer, changes, ended.Token));
        try
        {
            await foreach (var changes in batches.Reader.ReadAllAsync(cancellation))
            {
                foreach (var change in changes)
                {
                    cancellation.ThrowIfCancellationRequested();
                    yield return change;
                }
            }
        }
        finally
        {
            // The end of the subscription waits for its handler.
            await ended.CancelAsync();
        }
    }

    private static async ValueTask WriteAsync<T>(
        ChannelWriter<IReadOnlyList<T>> to,
        IReadOnlyList<T> changes,
        CancellationToken ended)
    {
        try
        {
            await to.WriteAsync(changes, ended);
        }
        catch (OperationCanceledException)
        {
            // Nobody reads any more.
        }
    }
}
