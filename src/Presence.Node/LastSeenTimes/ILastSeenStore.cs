namespace Presence.Node;

/// <summary>Keeps when keys were last present. Implement it to keep that elsewhere.</summary>
public interface ILastSeenStore
{
    /// <summary>
    /// Gets whether all nodes write to the same store. If so, one node writes each time: the owner of the presence or,
    /// if that is gone, one of the others. If not, each node writes all of them.
    /// </summary>
    bool IsShared { get; }

    /// <summary>Stores times; of two times of a key the later one stays. Called one at a time.</summary>
    /// <param name="times">At most 1,000 keys, each once.</param>
    /// <param name="cancellation">Cancels the call.</param>
    /// <remarks>An exception is logged and counted, and the same times are stored again later.</remarks>
    ValueTask WriteAsync(
        IReadOnlyCollection<KeyValuePair<string, DateTimeOffset>> times, CancellationToken cancellation);

    /// <summary>Returns the times of those keys that are known.</summary>
    /// <param name="keys">At most 1,000 keys.</param>
    /// <param name="cancellation">Cancels the call.</param>
    ValueTask<IReadOnlyDictionary<string, DateTimeOffset>> ReadAsync(
        IReadOnlyCollection<string> keys, CancellationToken cancellation);
}
