using Presence.Tracker.Index;

namespace Presence.Tracker.Views;

/// <summary>
/// The views of one topic that have readers, and the indexes that they share, which stay. Not thread-safe.
/// </summary>
/// <remarks>
/// A filtered view looks for its presences in the topic itself. When all views that filter by a field have looked at as
/// many others as the topic has presences, the field is indexed: where most match, an index would cost more than it
/// saves, and where few do, it comes soon.
/// </remarks>
/// <typeparam name="TReader">A reader.</typeparam>
internal sealed class TopicViews<TReader>(TopicSnapshot topic)
    where TReader : class
{
    private readonly Dictionary<PresenceView, Shared> _views = [];
    private readonly Dictionary<string, FieldIndex> _indexes = new(StringComparer.Ordinal);

    /// <summary>For each field without an index, how many presences its views have looked at in vain.</summary>
    private readonly Dictionary<string, long> _skipped = new(StringComparer.Ordinal);
    private TopicSnapshot _current = topic;

    /// <summary>Gets the topic after the last applied changes.</summary>
    public TopicSnapshot Current => _current;

    /// <summary>Gets the number of different views.</summary>
    public int Count => _views.Count;

    /// <summary>Gets the number of indexed fields, for tests.</summary>
    internal int Indexes => _indexes.Count;

    /// <summary>Returns whether a reader of the view would share it with others.</summary>
    public bool Has(PresenceView view) => _views.ContainsKey(view);

    /// <summary>Adds a reader of a view, which has been checked.</summary>
    /// <returns>The presences in the view.</returns>
    public TopicSnapshot Add(PresenceView view, TReader reader)
    {
        if (!_views.TryGetValue(view, out var shared))
        {
            KeyValuePair<string, string>? index = view.Where.Count == 0 ? null : view.Where.First();
            shared = new Shared(index, new ViewProjection(view, _current.Topic, () => SourceOf(index)));
            _views.Add(view, shared);
            IndexIfWorthwhile(shared);
        }

        shared.Readers = [.. shared.Readers, reader];
        return shared.Projection.Snapshot;
    }

    /// <summary>Removes a reader, if it is there.</summary>
    public void Remove(PresenceView view, TReader reader)
    {
        if (!_views.TryGetValue(view, out var shared))
        {
            return;
        }

        shared.Readers = [.. shared.Readers.Where(other => !ReferenceEquals(other, reader))];
        if (shared.Readers.Length == 0)
        {
            _views.Remove(view);
        }
    }

    /// <summary>Applies changes of the topic.</summary>
    /// <param name="changes">The changes, in order.</param>
    /// <param name="after">The topic after them.</param>
    /// <param name="notify">Receives the readers of each changed view, its changes, and the view after them.</param>
    public void Apply(
        IReadOnlyList<PresenceChange> changes,
        TopicSnapshot after,
        Action<TReader[], IReadOnlyList<PresenceChange>, TopicSnapshot> notify)
    {
        _current = after;
        foreach (var index in _indexes.Values)
        {
            index.Apply(changes);
        }

        foreach (var view in _views.Values)
        {
            var ofView = view.Projection.Apply(changes);
            IndexIfWorthwhile(view);
            if (ofView.Count > 0)
            {
                notify(view.Readers, ofView, view.Projection.Snapshot);
            }
        }
    }

    private EntryTree SourceOf(KeyValuePair<string, string>? index) =>
        index is { } field && _indexes.TryGetValue(field.Key, out var entries)
            ? entries.Of(field.Value)
            : _current.Entries;

    private void IndexIfWorthwhile(Shared view)
    {
        var skipped = view.Projection.TakeSkipped();
        if (skipped == 0 || view.Index is not { } field || _indexes.ContainsKey(field.Key))
        {
            return;
        }

        skipped += _skipped.GetValueOrDefault(field.Key);
        _skipped[field.Key] = skipped;
        if (skipped > _current.Count)
        {
            _skipped.Remove(field.Key);
            _indexes.Add(field.Key, new FieldIndex(new FieldPointer(field.Key), _current));
        }
    }

    /// <summary>A view and its readers.</summary>
    /// <param name="index">The field and value of the index that it continues in; null without a filter.</param>
    /// <param name="projection">The view.</param>
    private sealed class Shared(KeyValuePair<string, string>? index, ViewProjection projection)
    {
        public KeyValuePair<string, string>? Index => index;

        public ViewProjection Projection => projection;

        public TReader[] Readers { get; set; } = [];
    }
}
