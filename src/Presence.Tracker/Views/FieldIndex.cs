using Presence.Tracker.Index;

namespace Presence.Tracker.Views;

/// <summary>The presences of one topic by the value of one field of their metadata. One writer.</summary>
internal sealed class FieldIndex
{
    private readonly FieldPointer _field;
    private readonly Dictionary<string, EntryTree> _byValue = new(StringComparer.Ordinal);

    /// <summary>Reads all presences of a topic once.</summary>
    public FieldIndex(FieldPointer field, TopicSnapshot topic)
    {
        _field = field;
        var entries = new Dictionary<string, List<PresenceEntry>>(StringComparer.Ordinal);
        foreach (var entry in topic)
        {
            if (field.Read(entry.Meta.Utf8.Span) is not { } value)
            {
                continue;
            }

            if (!entries.TryGetValue(value, out var ofValue))
            {
                entries.Add(value, ofValue = []);
            }

            ofValue.Add(entry);
        }

        foreach (var (value, ofValue) in entries)
        {
            _byValue.Add(value, EntryTree.OfAscending(ofValue));
        }
    }

    /// <summary>Returns the presences whose field has the value.</summary>
    public EntryTree Of(string value) => _byValue.GetValueOrDefault(value, EntryTree.Empty);

    /// <summary>Applies changes of the topic.</summary>
    public void Apply(IReadOnlyList<PresenceChange> changes)
    {
        var edit = new EditToken();
        foreach (var change in changes)
        {
            var last = change.LastShown;
            var former = last is null ? null : _field.Read(last.Meta.Utf8.Span);
            var value = change.Kind == PresenceChangeKind.Left ? null : _field.Read(change.Entry.Meta.Utf8.Span);
            if (former is not null && !(former == value && IsReplaced(last!, change.Entry)))
            {
                Set(former, Of(former).Remove(last!, edit));
            }

            if (value is not null)
            {
                Set(value, Of(value).Set(change.Entry, edit));
            }
        }
    }

    /// <summary>Returns whether the new version has the place of the old one: not if another node owns it.</summary>
    private static bool IsReplaced(PresenceEntry old, PresenceEntry entry) =>
        old.Process == entry.Process && old.Owner == entry.Owner;

    private void Set(string value, EntryTree entries)
    {
        if (entries.Count == 0)
        {
            _byValue.Remove(value);
        }
        else
        {
            _byValue[value] = entries;
        }
    }
}
