using Presence.Tracker;

namespace Presence.Node;

/// <summary>The keys that a reader watches, and the topics in which; checked.</summary>
internal sealed class KeyWatchRequest
{
    /// <summary>Maximum number of keys of a watch.</summary>
    public const int MaxKeys = 1000;

    private readonly KeyEdge[] _edges;
    private int _isTaken;

    private KeyWatchRequest(TopicPattern within, string pattern, KeyEdge[] edges) =>
        (Within, Pattern, _edges) = (within, pattern, edges);

    public TopicPattern Within { get; }

    /// <summary>Gets the text of <see cref="Within"/>, as the reader wrote it.</summary>
    public string Pattern { get; }

    /// <summary>Gets the number of different keys.</summary>
    public int Count => _edges.Length;

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
        foreach (var key in keys)
        {
            limits.CheckKey(key);
        }

        var (edges, count) = (new KeyEdge[keys.Count], 0);
        var different = new HashSet<string>(keys.Count, StringComparer.Ordinal);
        foreach (var key in keys)
        {
            if (different.Add(key))
            {
                edges[count++].Key = key;
            }
        }

        Array.Resize(ref edges, count);
        return new(pattern, within, edges);
    }

    public string KeyAt(int index) => _edges[index].Key;

    /// <summary>
    /// Returns the edges for a watch, each with its key. The first watch takes those of the request, because whoever
    /// holds the request meanwhile, such as an enumeration, would else hold a second text of each key.
    /// </summary>
    public KeyEdge[] TakeEdges() => Interlocked.Exchange(ref _isTaken, 1) == 0
        ? _edges
        : Array.ConvertAll(_edges, edge => new KeyEdge { Key = edge.Key });

    /// <exception cref="ArgumentException">There are more than <see cref="MaxKeys"/> keys.</exception>
    public static void CheckCount(int keys)
    {
        if (keys > MaxKeys)
        {
            throw new ArgumentException($"There are {keys} keys; at most {MaxKeys} can be watched together.");
        }
    }
}
