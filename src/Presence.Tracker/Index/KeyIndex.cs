namespace Presence.Tracker.Index;

/// <summary>Maps each key to the topics in which it is present. One writer, concurrent readers.</summary>
/// <remarks>Most keys are in one topic: the value is that topic, or a tree of several.</remarks>
internal sealed class KeyIndex
{
    private readonly TextTable<object> _topics = new();

    /// <summary>Adds a topic of a key; returns false if it is there. Pass interned topic names only.</summary>
    public bool Add(string key, string topic)
    {
        if (_topics.TryAdd(key, topic, out var present))
        {
            return true;
        }

        if (Holds(present, topic))
        {
            return false;
        }

        // Readers see each change at once, so each needs its own edit token.
        var edit = new EditToken();
        var topics = present is Many many
            ? many.Topics
            : default(PersistentTree<string>).Set((string)present, new ByName((string)present), edit);
        _topics.Replace(key, new Many(topics.Set(topic, new ByName(topic), edit)));
        return true;
    }

    public bool Has(string key, string topic) => _topics.Find(key) is { } present && Holds(present, topic);

    /// <summary>Returns whether the key is in a topic that begins with the prefix.</summary>
    public bool HasPrefix(string key, string prefix)
    {
        if (_topics.Find(key) is not { } present)
        {
            return false;
        }

        if (present is not Many many)
        {
            return ((string)present).StartsWith(prefix, StringComparison.Ordinal);
        }

        // In ordinal order, the topics with the prefix follow the prefix itself.
        var topics = many.Topics.From(new ByName(prefix));
        return topics.MoveNext() && topics.Current.StartsWith(prefix, StringComparison.Ordinal);
    }

    public void Remove(string key, string topic)
    {
        if (_topics.Find(key) is not { } present)
        {
            return;
        }

        if (present is not Many many)
        {
            _topics.Remove(key);
            return;
        }

        var rest = many.Topics.Remove(new ByName(topic), new EditToken());
        if (rest.Count > 1)
        {
            _topics.Replace(key, new Many(rest));
            return;
        }

        var last = rest.GetEnumerator();
        last.MoveNext();
        _topics.Replace(key, last.Current);
    }

    /// <summary>See <see cref="TextTable{TValue}.Trim"/>.</summary>
    public void Trim() => _topics.Trim();

    public IReadOnlyList<string> TopicsOf(string key)
    {
        if (_topics.Find(key) is not { } present)
        {
            return [];
        }

        if (present is not Many many)
        {
            return [(string)present];
        }

        var topics = new List<string>(many.Topics.Count);
        foreach (var topic in many.Topics)
        {
            topics.Add(topic);
        }

        return topics;
    }

    private static bool Holds(object present, string topic) => present is Many many
        ? many.Topics.Find(new ByName(topic)) is not null
        : string.Equals((string)present, topic, StringComparison.Ordinal);

    private sealed record Many(PersistentTree<string> Topics);

    private readonly struct ByName(string name) : IProbe<string>
    {
        public int CompareTo(string item) => string.CompareOrdinal(name, item);
    }
}
