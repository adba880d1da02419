using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Presence.Tracker.Entries;

namespace Presence.Tracker;

/// <summary>A topic whose metadata have the type <typeparamref name="T"/>. Immutable; cheap to create.</summary>
/// <remarks>
/// Other programs, and other versions of this one, may write metadata that do not fit the type: reading reports them
/// with their JSON and the reason and never throws. Writing keeps the fields that the type does not know.
/// </remarks>
/// <typeparam name="T">A type that serializes to a JSON object.</typeparam>
/// <example>
/// <code>
/// using System.Text.Json.Serialization;
/// using Presence.Tracker;
///
/// var lobby = new Topic&lt;Mood&gt;("lobby", MoodJson.Default.Mood);
/// using var session = node.OpenSession();
/// await node.Tracker.TrackAsync(session, lobby, "ann", new Mood("glad"));
/// await node.Tracker.UpdateAsync(session, lobby, "ann", mood =&gt; mood with { Text = "calm" });
///
/// public sealed record Mood(string Text);
///
/// [JsonSerializable(typeof(Mood))]
/// public sealed partial class MoodJson : JsonSerializerContext;
/// </code>
/// </example>
public sealed class Topic<T>
{
    /// <summary>Creates the topic.</summary>
    /// <param name="name">The name of the topic.</param>
    /// <param name="type">
    /// How metadata are read and written: a property of a source-generated <c>JsonSerializerContext</c>, which needs no
    /// reflection; or <c>(JsonTypeInfo&lt;T&gt;)JsonSerializerOptions.Web.GetTypeInfo(typeof(T))</c>.
    /// </param>
    public Topic(string name, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(type);
        (Name, Type) = (name, type);
    }

    /// <summary>Gets the name of the topic.</summary>
    public string Name { get; }

    /// <summary>Gets how metadata are read and written.</summary>
    public JsonTypeInfo<T> Type { get; }

    /// <summary>Reads the metadata of a presence. Does not throw.</summary>
    public PresenceEntry<T> Read(PresenceEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var (meta, error) = Read(entry.Meta);
        return new(entry, meta, error);
    }

    /// <summary>Reads the metadata of presences while they are enumerated. Does not throw.</summary>
    public IEnumerable<PresenceEntry<T>> Read(IEnumerable<PresenceEntry> entries) => entries.Select(Read);

    /// <summary>Reads the metadata of a change. Does not throw.</summary>
    public PresenceChange<T> Read(PresenceChange change) => new(
        change.Kind,
        Read(change.Entry),
        change.LastShown is { } last ? Read(last) : null,
        change.Reason)
    {
        ChangesKey = change.ChangesKey,
    };

    /// <summary>Reads the metadata of changes. Does not throw.</summary>
    public IReadOnlyList<PresenceChange<T>> Read(IReadOnlyList<PresenceChange> changes)
    {
        ArgumentNullException.ThrowIfNull(changes);
        var typed = new PresenceChange<T>[changes.Count];
        for (var i = 0; i < typed.Length; i++)
        {
            typed[i] = Read(changes[i]);
        }

        return typed;
    }

    /// <summary>Returns metadata with a value.</summary>
    /// <param name="value">The value.</param>
    /// <param name="current">
    /// The metadata that the result replaces. Its fields that the type does not know are kept, also in objects inside
    /// of objects, but not in arrays, and not where the type has a custom converter, is polymorphic or collects unknown
    /// fields itself.
    /// </param>
    /// <exception cref="PresenceMetaException">The value does not serialize to a JSON object.</exception>
    public PresenceMeta Write(T value, PresenceMeta current = default)
    {
        var written = PresenceMeta.From(value, Type);
        return current == PresenceMeta.Empty ? written : UnknownFields.Keep(Type, current, written);
    }

    /// <summary>Returns the metadata after a change of their value; keeps fields as <see cref="Write"/> does.</summary>
    /// <exception cref="PresenceMetaException">
    /// The current metadata do not fit the type, or the new value does not serialize to a JSON object.
    /// </exception>
    public PresenceMeta Update(PresenceMeta current, Func<T, T> update)
    {
        ArgumentNullException.ThrowIfNull(update);
        var (value, error) = Read(current);
        return error is null
            ? Write(update(value!), current)
            : throw new PresenceMetaException($"The metadata do not fit {typeof(T).Name}: {error}");
    }

    /// <summary>Returns the name of the topic.</summary>
    public override string ToString() => Name;

    private (T? Meta, string? Error) Read(PresenceMeta meta)
    {
        try
        {
            return JsonSerializer.Deserialize(meta.Utf8.Span, Type) is { } value ? (value, null) : (default, "null");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Converters and constructors of the application may throw anything.
            return (default, e.Message);
        }
    }
}

/// <summary>A presence with its metadata read as <typeparamref name="T"/>.</summary>
public readonly record struct PresenceEntry<T>
{
    internal PresenceEntry(PresenceEntry entry, T? meta, string? error) => (Entry, Meta, Error) = (entry, meta, error);

    /// <summary>Gets the presence; its <see cref="PresenceEntry.Meta"/> is the JSON.</summary>
    public PresenceEntry Entry { get; }

    /// <summary>Gets the key.</summary>
    public string Key => Entry.Key;

    /// <summary>Gets the metadata; the default value if they do not fit the type.</summary>
    public T? Meta { get; }

    /// <summary>Gets why the metadata do not fit the type; null if they do.</summary>
    public string? Error { get; }

    /// <summary>Gets whether the metadata fit the type.</summary>
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(true, nameof(Meta))]
    [System.Diagnostics.CodeAnalysis.MemberNotNullWhen(false, nameof(Error))]
    public bool Fits => Error is null;
}

/// <summary>A <see cref="PresenceChange"/> with its metadata read as <typeparamref name="T"/>.</summary>
/// <param name="Kind">Join, update or leave.</param>
/// <param name="Entry">As in <see cref="PresenceChange"/>.</param>
/// <param name="LastShown">As in <see cref="PresenceChange"/>.</param>
/// <param name="Reason">The reason of a leave; undefined for the other kinds.</param>
public readonly record struct PresenceChange<T>(
    PresenceChangeKind Kind, PresenceEntry<T> Entry, PresenceEntry<T>? LastShown, LeaveReason Reason)
{
    /// <inheritdoc cref="PresenceChange.ChangesKey"/>
    public bool ChangesKey { get; init; }

    /// <inheritdoc cref="PresenceChange.IsFirst"/>
    public bool IsFirst => ChangesKey && Kind == PresenceChangeKind.Joined;

    /// <inheritdoc cref="PresenceChange.IsLast"/>
    public bool IsLast => ChangesKey && Kind == PresenceChangeKind.Left;
}
