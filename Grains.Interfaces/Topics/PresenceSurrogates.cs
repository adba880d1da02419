using Orleans;
using Orleans.Serialization.Cloning;
using Presence.Crdt;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Grains.Topics;

/// <summary>
/// The serialized form of <see cref="PresenceMeta"/>: UTF-8, checked by the receiver to be a JSON object.
/// </summary>
[GenerateSerializer]
[Alias("presence.meta")]
internal struct PresenceMetaSurrogate
{
    [Id(0)]
    public ReadOnlyMemory<byte> Utf8 { get; set; }
}

/// <summary>Converts between <see cref="PresenceMeta"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class PresenceMetaConverter : IConverter<PresenceMeta, PresenceMetaSurrogate>
{
    public PresenceMeta ConvertFromSurrogate(in PresenceMetaSurrogate surrogate) =>
        surrogate.Utf8.IsEmpty ? PresenceMeta.Empty : PresenceMeta.ParseShared(surrogate.Utf8);

    public PresenceMetaSurrogate ConvertToSurrogate(in PresenceMeta value) =>
        new() { Utf8 = value == PresenceMeta.Empty ? default : value.Utf8 };
}

/// <summary>Passes a <see cref="PresenceMeta"/>, which is immutable, within a silo without a copy.</summary>
[RegisterCopier]
internal sealed class PresenceMetaCopier : ShallowCopier<PresenceMeta>;

/// <summary>The serialized form of <see cref="PresenceEntry"/>.</summary>
[GenerateSerializer]
[Alias("presence.entry")]
internal struct PresenceEntrySurrogate
{
    [Id(0)]
    public string Topic { get; set; }

    [Id(1)]
    public string Key { get; set; }

    [Id(2)]
    public string Node { get; set; }

    [Id(3)]
    public ulong Incarnation { get; set; }

    [Id(4)]
    public ulong Process { get; set; }

    [Id(5)]
    public ulong Sequence { get; set; }

    [Id(6)]
    public ulong FirstSequence { get; set; }

    [Id(7)]
    public ulong PreviousSequence { get; set; }

    [Id(8)]
    public PresenceMeta Meta { get; set; }

    /// <summary>Gets or sets what entries of resumable sessions carry; empty for others.</summary>
    [Id(9)]
    public ReadOnlyMemory<byte> Session { get; set; }
}

/// <summary>Converts between <see cref="PresenceEntry"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class PresenceEntryConverter : IConverter<PresenceEntry, PresenceEntrySurrogate>
{
    public PresenceEntry ConvertFromSurrogate(in PresenceEntrySurrogate surrogate)
    {
        var (stamp, refDot) = surrogate.Session.IsEmpty ? default : SessionCodec.Parse(surrogate.Session.Span);
        return new(
            new ReplicaId(surrogate.Node, surrogate.Incarnation),
            surrogate.Sequence,
            surrogate.FirstSequence,
            surrogate.PreviousSequence,
            surrogate.Process,
            surrogate.Topic,
            surrogate.Key,
            surrogate.Meta,
            stamp,
            refDot);
    }

    public PresenceEntrySurrogate ConvertToSurrogate(in PresenceEntry value) => new()
    {
        Topic = value.Topic,
        Key = value.Key,
        Node = value.Owner.Node,
        Incarnation = value.Owner.Incarnation,
        Process = value.Process,
        Sequence = value.Sequence,
        FirstSequence = value.CreatedSequence,
        PreviousSequence = value.Previous,
        Meta = value.Meta,
        Session = value.Stamp is null ? default : SessionCodec.Format(value),
    };
}

/// <summary>Passes a <see cref="PresenceEntry"/>, which is immutable, within a silo without a copy.</summary>
[RegisterCopier]
internal sealed class PresenceEntryCopier : ShallowCopier<PresenceEntry>;

/// <summary>The serialized form of <see cref="PresenceChange"/>.</summary>
[GenerateSerializer]
[Alias("presence.change")]
internal struct PresenceChangeSurrogate
{
    [Id(0)]
    public PresenceChangeKind Kind { get; set; }

    [Id(1)]
    public PresenceEntry Entry { get; set; }

    [Id(2)]
    public PresenceEntry? LastShown { get; set; }

    [Id(3)]
    public LeaveReason Reason { get; set; }

    [Id(4)]
    public bool ChangesKey { get; set; }
}

/// <summary>Converts between <see cref="PresenceChange"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class PresenceChangeConverter : IConverter<PresenceChange, PresenceChangeSurrogate>
{
    public PresenceChange ConvertFromSurrogate(in PresenceChangeSurrogate surrogate) =>
        new(surrogate.Kind, surrogate.Entry, surrogate.LastShown, surrogate.Reason)
        {
            ChangesKey = surrogate.ChangesKey,
        };

    public PresenceChangeSurrogate ConvertToSurrogate(in PresenceChange value) => new()
    {
        Kind = value.Kind,
        Entry = value.Entry,
        LastShown = value.LastShown,
        Reason = value.Reason,
        ChangesKey = value.ChangesKey,
    };
}

/// <summary>Passes a <see cref="PresenceChange"/>, which is immutable, within a silo without a copy.</summary>
[RegisterCopier]
internal sealed class PresenceChangeCopier : ShallowCopier<PresenceChange>;

/// <summary>The serialized form of <see cref="TrackRequest"/>.</summary>
[GenerateSerializer]
[Alias("presence.track-request")]
internal struct TrackRequestSurrogate
{
    [Id(0)]
    public string Topic { get; set; }

    [Id(1)]
    public string Key { get; set; }

    [Id(2)]
    public PresenceMeta Meta { get; set; }
}

/// <summary>Converts between <see cref="TrackRequest"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class TrackRequestConverter : IConverter<TrackRequest, TrackRequestSurrogate>
{
    public TrackRequest ConvertFromSurrogate(in TrackRequestSurrogate surrogate) =>
        new(surrogate.Topic, surrogate.Key, surrogate.Meta);

    public TrackRequestSurrogate ConvertToSurrogate(in TrackRequest value) =>
        new() { Topic = value.Topic, Key = value.Key, Meta = value.Meta };
}

/// <summary>Passes a <see cref="TrackRequest"/>, which is immutable, within a silo without a copy.</summary>
[RegisterCopier]
internal sealed class TrackRequestCopier : ShallowCopier<TrackRequest>;

/// <summary>The serialized form of <see cref="PresenceView"/>, which the silo checks.</summary>
[GenerateSerializer]
[Alias("presence.view")]
internal struct PresenceViewSurrogate
{
    [Id(0)]
    public int? First { get; set; }

    [Id(1)]
    public string? Prefix { get; set; }

    /// <summary>Gets or sets the fields of <see cref="PresenceView.Where"/>; null if there are none.</summary>
    [Id(2)]
    public string[]? Fields { get; set; }

    /// <summary>Gets or sets their values, in the same order.</summary>
    [Id(3)]
    public string[]? Values { get; set; }
}

/// <summary>Converts between <see cref="PresenceView"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class PresenceViewConverter : IConverter<PresenceView, PresenceViewSurrogate>
{
    /// <summary>Of too many fields, as many are read as it takes to reject the view.</summary>
    public PresenceView ConvertFromSurrogate(in PresenceViewSurrogate surrogate)
    {
        var view = new PresenceView { First = surrogate.First, Prefix = surrogate.Prefix };
        if (surrogate.Fields is not { Length: > 0 } fields)
        {
            return view;
        }

        var where = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < fields.Length && where.Count <= PresenceView.MaxFields; i++)
        {
            where[fields[i] ?? ""] = surrogate.Values is { } values && i < values.Length ? values[i] : null!;
        }

        return view with { Where = where };
    }

    public PresenceViewSurrogate ConvertToSurrogate(in PresenceView value) => new()
    {
        First = value.First,
        Prefix = value.Prefix,
        Fields = value.Where is { Count: > 0 } ? [.. value.Where.Keys] : null,
        Values = value.Where is { Count: > 0 } ? [.. value.Where.Values] : null,
    };
}

/// <summary>The serialized form of <see cref="NodeFreshness"/>.</summary>
[GenerateSerializer]
[Alias("presence.node-freshness")]
internal struct NodeFreshnessSurrogate
{
    [Id(0)]
    public string Node { get; set; }

    [Id(1)]
    public bool IsUp { get; set; }

    [Id(2)]
    public TimeSpan Age { get; set; }
}

/// <summary>Converts between <see cref="NodeFreshness"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class NodeFreshnessConverter : IConverter<NodeFreshness, NodeFreshnessSurrogate>
{
    public NodeFreshness ConvertFromSurrogate(in NodeFreshnessSurrogate surrogate) =>
        new(surrogate.Node, surrogate.IsUp, surrogate.Age);

    public NodeFreshnessSurrogate ConvertToSurrogate(in NodeFreshness value) =>
        new() { Node = value.Node, IsUp = value.IsUp, Age = value.Age };
}
