namespace Presence.Tracker;

/// <summary>The topics in which each key is present. One writer, any readers.</summary>
/// <remarks>Most keys are in one topic, so that one costs no collection: the value is the topic itself, or a tree of topics.</remarks>
internal sealed class KeyIndex
{
    private readonly TextTable<object> _topics = new();

    /// <summary>Adds a topic of a key; false if it was there. The shard gives one instance of a topic's name each time.</summary>
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

        // Each change is seen by readers at once, so each is an edit of its own.
        var edit = new EditToken();
        var many = present as Many ?? new Many(default(PersistentTree<string>).Set((string)present, new ByName((string)present), edit));
        _topics.Replace(key, new Many(many.Topics.Set(topic, new ByName(topic), edit)));
        return true;
    }

    public bool Has(string key, string topic) => _topics.Find(key) is { } present && Holds(present, topic);

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
