using Presence.Tracker;
using Presence.Tracker.Entries;

namespace Presence.Node.KeyWatching;

/// <summary>The keys that a reader watches, and the topics in which; checked.</summary>
internal sealed class KeyWatchRequest
{
    /// <summary>Maximum number of keys of a watch.</summary>
    public const int MaxKeys = 1000;

    private string[]? _keys;
    private KeyWatch? _holder;

    private KeyWatchRequest(TopicPattern within, string pattern, string[] keys) =>
        (Within, Pattern, _keys) = (within, pattern, keys);

    public TopicPattern Within { get; }

    /// <summary>Gets the text of <see cref="Within"/>, as the reader wrote it.</summary>
    public string Pattern { get; }

    /// <summary>Gets the different keys, in the order of the reader. With the gate of the watches held.</summary>
    public string[] Keys => _keys ?? _holder!.KeysOfEdges();

    /// <summary>Checks the number of keys first, then the pattern, then each key; allocates nothing before.</summary>
    /// <exception cref="ArgumentException">
    /// There are more than <see cref="MaxKeys"/> keys, a text has no form in UTF-8, or the pattern is malformed.
    /// </exception>
    /// <exception cref="PresenceLimitException">The pattern or a key is empty or too large.</exception>
    public static KeyWatchRequest Create(IReadOnlyCollection<string> keys, string within, PresenceLimits limits)
    {
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(within);
        CheckCount(keys.Count);
        limits.CheckTopic(within);
        var pattern = new TopicPattern(within);
        string[] different = [.. keys.Distinct(StringComparer.Ordinal)];
        foreach (var key in different)
        {
            limits.CheckKey(key);
        }

        return new(pattern, within, different);
    }

    /// <summary>
    /// Lets a watch that has begun hold the keys: an enumeration refers to its request until it ends, and would keep a
    /// second text of each key. With the gate of the watches held, as <see cref="OnEnded"/>.
    /// </summary>
    public void OnBegun(KeyWatch watch)
    {
        if (_keys is not null)
        {
            (_keys, _holder) = (null, watch);
        }
    }

    /// <summary>Takes the keys back, before the watch loses them.</summary>
    public void OnEnded(KeyWatch watch)
    {
        if (_holder == watch)
        {
            (_keys, _holder) = (watch.KeysOfEdges(), null);
        }
    }

    /// <exception cref="ArgumentException">There are more than <see cref="MaxKeys"/> keys.</exception>
    public static void CheckCount(int keys)
    {
        if (keys > MaxKeys)
        {
            throw new ArgumentException($"There are {keys} keys; at most {MaxKeys} can be watched together.");
        }
    }
}
