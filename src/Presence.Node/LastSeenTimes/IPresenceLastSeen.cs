namespace Presence.Node;

/// <summary>Returns when keys were last present in any topic of the default tracker.</summary>
/// <remarks>
/// <c>AddPresenceLastSeen</c> adds it. A time is that of the moment at which a node saw the last presence of the key
/// leave, by that node's clock. It is stored a moment later: the times of the last seconds are lost if all nodes that
/// have them crash.
/// </remarks>
public interface IPresenceLastSeen
{
    /// <summary>Maximum number of keys of one call.</summary>
    public const int MaxKeys = 1000;

    /// <summary>Returns for each key whether it is present, and otherwise when it was last.</summary>
    /// <param name="keys">At most <see cref="MaxKeys"/>; a repeated key is answered once.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <exception cref="ArgumentException">There are too many keys.</exception>
    /// <example>
    /// <code>
    /// var seen = await app.Services.GetRequiredService&lt;IPresenceLastSeen&gt;().LastSeenAsync(["ann", "bob"]);
    /// Console.WriteLine(seen["ann"].IsOnline ? "online" : $"last seen {seen["ann"].At}");
    /// </code>
    /// </example>
    ValueTask<IReadOnlyDictionary<string, LastSeen>> LastSeenAsync(
        IReadOnlyCollection<string> keys, CancellationToken cancellation = default);
}

/// <summary>When a key was last present.</summary>
/// <param name="IsOnline">Whether it is present now, as this node sees it.</param>
/// <param name="At">When its last presence left; null if it is present, or if no time is known.</param>
public readonly record struct LastSeen(bool IsOnline, DateTimeOffset? At);
