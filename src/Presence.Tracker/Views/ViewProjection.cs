using Presence.Tracker.Index;

namespace Presence.Tracker.Views;

/// <summary>Applies the changes of a topic to one view. Not thread-safe.</summary>
/// <remarks>
/// A change outside a full window costs a comparison of keys. A window that has lost keys continues in the topic's tree
/// after its last key, so that it holds no more of the topic than it shows.
/// </remarks>
internal sealed class ViewProjection
{
    private readonly string _topic;
    private readonly int _first;
    private readonly string _prefix;
    private readonly (FieldPointer Field, string Value)[] _where;
    private readonly Func<EntryTree> _source;
    private EntryTree _shown = EntryTree.Empty;
    private int _keys;
    private long _skipped;

    /// <param name="view">The view.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="source">
    /// Returns the presences of the topic after the changes that are being applied, or at least all of them that match
    /// the view.
    /// </param>
    public ViewProjection(PresenceView view, string topic, Func<EntryTree> source)
    {
        (_topic, _source) = (topic, source);
        _first = view.First ?? int.MaxValue;
        _prefix = view.Prefix ?? "";
        _where = [.. view.Where.Select(field => (new FieldPointer(field.Key), field.Value))];
        Fill(null, new EditToken(), static _ => { });
        Snapshot = Current;
    }

    /// <summary>Gets the presences in the view.</summary>
    public TopicSnapshot Snapshot { get; private set; }

    private TopicSnapshot Current => new(_topic, _shown, null, 0, _shown.Count, _keys);

    /// <summary>Returns how many presences were looked at since the last call and did not match.</summary>
    public long TakeSkipped()
    {
        var skipped = _skipped;
        _skipped = 0;
        return skipped;
    }

    /// <summary>Returns the changes of the view; none if nothing changed in it.</summary>
    /// <param name="changes">The changes of the topic, in order.</param>
    public IReadOnlyList<PresenceChange> Apply(IReadOnlyList<PresenceChange> changes)
    {
        var last = _keys == _first ? _shown.LastKey : null;
        var edit = new EditToken();
        List<PresenceChange>? result = null;
        foreach (var change in changes)
        {
            if (!IsBehind(change.Entry.Key, last) && Project(change, edit) is { } ofView)
            {
                (result ??= []).Add(ofView);
            }
        }

        if (result is null)
        {
            return [];
        }

        var isOver = _keys > _first;
        while (_keys > _first)
        {
            MoveOut(_shown.GetByKey(_shown.LastKey!), result, edit);
        }

        if (last is not null && _keys < _first)
        {
            var skipped = new Lazy<Dictionary<PresenceIdentity, PresenceChange>>(() => Joins(changes, last));
            Fill(last, edit, entry => result.Add(
                skipped.Value.TryGetValue(entry.Identity, out var joined) ? joined : IntoView(entry)));
        }

        Snapshot = Current;
        return isOver ? Net(result) : result;
    }

    /// <summary>Returns whether a key is outside of a full window, whatever happens to it.</summary>
    private static bool IsBehind(string key, string? last) => last is not null && string.CompareOrdinal(key, last) > 0;

    private static PresenceChange IntoView(PresenceEntry entry) =>
        PresenceChange.Joined(entry) with { Reason = LeaveReason.OutOfView };

    private static IReadOnlyList<PresenceChange> Net(List<PresenceChange> changes)
    {
        var net = new DiffCoalescer();
        changes.ForEach(net.Add);
        return net.Drain();
    }

    /// <summary>Returns the net joins of presences behind the window.</summary>
    private static Dictionary<PresenceIdentity, PresenceChange> Joins(
        IReadOnlyList<PresenceChange> changes, string last)
    {
        var net = Net([.. changes.Where(change => IsBehind(change.Entry.Key, last))]);
        var joins = new Dictionary<PresenceIdentity, PresenceChange>();
        foreach (var change in net.Where(change => change.Kind == PresenceChangeKind.Joined))
        {
            joins[change.Entry.Identity] = change;
        }

        return joins;
    }

    /// <summary>Returns what a change of the topic is in the view; null if nothing.</summary>
    private PresenceChange? Project(PresenceChange change, EditToken edit)
    {
        var shown = change.LastShown is { } last ? _shown.Find(last) : null;
        var matches = change.Kind != PresenceChangeKind.Left && Matches(change.Entry);
        if (shown is not null)
        {
            Remove(shown, edit);
        }

        if (matches)
        {
            Add(change.Entry, edit);
        }

        return (shown, matches) switch
        {
            (null, false) => null,
            (null, true) => change.Kind == PresenceChangeKind.Joined ? change : IntoView(change.Entry),
            (_, true) => change,
            _ => change.Kind == PresenceChangeKind.Left
                ? change
                : PresenceChange.Left(shown, change.Entry, LeaveReason.OutOfView),
        };
    }

    private bool Matches(PresenceEntry entry)
    {
        if (!entry.Key.StartsWith(_prefix, StringComparison.Ordinal))
        {
            return false;
        }

        foreach (var (field, value) in _where)
        {
            if (!string.Equals(field.Read(entry.Meta.Utf8.Span), value, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Adds the presences after a key until the window is full.</summary>
    private void Fill(string? after, EditToken edit, Action<PresenceEntry> added)
    {
        var at = after is not null ? _source().After(after) : _source().FromKey(_prefix);
        string? key = null;
        while (at.MoveNext() && at.Current.Key.StartsWith(_prefix, StringComparison.Ordinal))
        {
            var entry = at.Current;
            if (!Matches(entry))
            {
                _skipped++;
                continue;
            }

            if (_keys == _first && !string.Equals(key, entry.Key, StringComparison.Ordinal))
            {
                return;
            }

            key = entry.Key;
            Add(entry, edit);
            added(entry);
        }
    }

    private void MoveOut(IReadOnlyList<PresenceEntry> entries, List<PresenceChange> result, EditToken edit)
    {
        foreach (var entry in entries)
        {
            Remove(entry, edit);
            result.Add(PresenceChange.Left(entry, entry, LeaveReason.OutOfView));
        }
    }

    private void Add(PresenceEntry entry, EditToken edit)
    {
        _keys += _shown.HasKey(entry.Key) ? 0 : 1;
        _shown = _shown.Set(entry, edit);
    }

    private void Remove(PresenceEntry entry, EditToken edit)
    {
        _shown = _shown.Remove(entry, edit);
        _keys -= _shown.HasKey(entry.Key) ? 0 : 1;
    }
}
