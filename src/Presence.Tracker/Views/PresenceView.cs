using System.Buffers;
using System.Collections.ObjectModel;
using System.Text;
using System.Text.Json;
using Presence.Tracker.Views;
using Presence.Tracker.Wire;

namespace Presence.Tracker;

/// <summary>The part of a topic that a reader wants. Immutable; equal views share their cost on each node.</summary>
/// <remarks>
/// A presence enters a view when it joins, or with <see cref="LeaveReason.OutOfView"/> as the reason of its join when
/// it was present and did not belong to the view before. It ends with <see cref="LeaveReason.OutOfView"/> as the reason
/// of its leave when it is still present and no longer belongs to the view.
/// </remarks>
/// <example>
/// <code>
/// var busy = new PresenceView
/// {
///     First = 50,
///     Prefix = "an",
///     Where = new Dictionary&lt;string, string&gt; { ["/status"] = "busy" },
/// };
/// </code>
/// </example>
public sealed record PresenceView
{
    /// <summary>Maximum of <see cref="First"/>.</summary>
    public const int MaxFirst = 1000;

    /// <summary>Maximum number of fields in <see cref="Where"/>.</summary>
    public const int MaxFields = 4;

    /// <summary>Maximum length of a prefix, of a field and of a value, in UTF-16 code units.</summary>
    public const int MaxText = 256;

    private string? _id;

    /// <summary>Creates a view of all presences.</summary>
    public PresenceView()
    {
    }

    private PresenceView(PresenceView other) => (First, Prefix, Where) = (other.First, other.Prefix, other.Where);

    /// <summary>
    /// Gets the number of keys: the first in ordinal order of those that match, with all their presences that match. 1
    /// to 1,000; null (default): all.
    /// </summary>
    public int? First { get; init; }

    /// <summary>Gets what keys begin with, compared by code units. Null (default) or empty: any key.</summary>
    public string? Prefix { get; init; }

    /// <summary>
    /// Gets the values that fields of the metadata must have, by JSON Pointer (RFC 6901), such as <c>/status</c>. All
    /// must match. A value is that of a JSON string, or the text of a number, of <c>true</c> or of <c>false</c>. Every
    /// field must be declared with <see cref="TrackerOptions.AddIndex"/> for the topic. Default: empty.
    /// </summary>
    public IReadOnlyDictionary<string, string> Where { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>Gets whether the view is the whole topic.</summary>
    internal bool IsWhole => First is null && string.IsNullOrEmpty(Prefix) && Where.Count == 0;

    /// <summary>Gets a text that equal views have and others do not: the view as JSON.</summary>
    internal string Id => _id ??= ToJson();

    /// <summary>Reads a view from a JSON object with <c>first</c>, <c>prefix</c> and <c>where</c>.</summary>
    /// <exception cref="PresenceViewException">The value is no view; the message says why.</exception>
    public static PresenceView Parse(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
        {
            throw new PresenceViewException("A view is a JSON object with first, prefix and where.");
        }

        var view = new PresenceView();
        foreach (var member in json.EnumerateObject())
        {
            view = member.Name switch
            {
                "first" => view with { First = ParseFirst(member.Value) },
                "prefix" => view with { Prefix = TextOf(member.Value, "prefix") },
                "where" => view with { Where = ParseFields(member.Value) },
                _ => throw new PresenceViewException("A view has no other members than first, prefix and where."),
            };
        }

        view.Check();
        return view;
    }

    /// <exception cref="PresenceViewException">A part is out of its bounds.</exception>
    internal void Check()
    {
        Require(First is null or (>= 1 and <= MaxFirst), $"first must be 1 to {MaxFirst}.");
        Require(Prefix is null or { Length: <= MaxText }, $"prefix has at most {MaxText} characters.");
        Require(Where is not null && Where.Count <= MaxFields, $"where has at most {MaxFields} fields.");
        RequireText(Prefix, "prefix");
        foreach (var (field, value) in Where!)
        {
            Require(
                field.Length <= MaxText && value is { Length: <= MaxText },
                $"A field and a value of where have at most {MaxText} characters.");
            RequireText(field, "field");
            RequireText(value, "value");
            Require(FieldPointer.IsValid(field), "A field of where is a JSON Pointer such as /status.");
        }
    }

    /// <summary>Equal when they have the same parts.</summary>
    public bool Equals(PresenceView? other) =>
        other is not null && string.Equals(Id, other.Id, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Id);

    /// <summary>Returns the view as JSON.</summary>
    public override string ToString() => Id;

    private static int? ParseFirst(JsonElement value)
    {
        Require(
            value.ValueKind is JsonValueKind.Null or JsonValueKind.Number,
            $"first must be a whole number from 1 to {MaxFirst}.");
        return value.ValueKind == JsonValueKind.Null ? null
            : value.TryGetInt32(out var first) ? first
            : throw new PresenceViewException($"first must be a whole number from 1 to {MaxFirst}.");
    }

    private static Dictionary<string, string> ParseFields(JsonElement json)
    {
        Require(json.ValueKind == JsonValueKind.Object, "where is a JSON object of fields and values.");
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in json.EnumerateObject())
        {
            Require(
                fields.Count < MaxFields || fields.ContainsKey(field.Name), $"where has at most {MaxFields} fields.");
            fields[field.Name] = field.Value.ValueKind switch
            {
                JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => field.Value.GetRawText(),
                _ => TextOf(field.Value, "a value of where"),
            };
        }

        return fields;
    }

    private static string TextOf(JsonElement value, string name)
    {
        Require(value.ValueKind == JsonValueKind.String, $"{name} must be a string.");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new PresenceViewException($"{name} contains an unpaired surrogate.");
        }
    }

    private static void RequireText(string? text, string name)
    {
        try
        {
            StrictUtf8.Check(text, name);
        }
        catch (ArgumentException e)
        {
            throw new PresenceViewException(e.Message);
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new PresenceViewException(message);
        }
    }

    private string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(64);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (First is { } first)
            {
                json.WriteNumber("first", first);
            }

            if (!string.IsNullOrEmpty(Prefix))
            {
                json.WriteString("prefix", Prefix);
            }

            if (Where.Count > 0)
            {
                json.WriteStartObject("where");
                foreach (var (field, value) in Where.OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    json.WriteString(field, value);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}

/// <summary>A view is malformed, or filters by a field that is not declared for the topic.</summary>
public sealed class PresenceViewException(string message) : ArgumentException(message);
