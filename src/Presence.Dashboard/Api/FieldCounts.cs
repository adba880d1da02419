using System.Text.Json;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>Presences by the value of a metadata field, largest count first; <c>null</c> without the field.</summary>
internal sealed record FieldCounts(IReadOnlyList<KeyValuePair<string, int>> Values, int Other)
{
    // Presences with further values are counted in Other.
    public const int MaxValues = 10_000;

    private const int MaxTextLength = 100;

    public static FieldCounts Of(TopicSnapshot snapshot, string field)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        var other = 0;
        foreach (var entry in snapshot)
        {
            var value = Value(entry.Meta, field);
            if (counts.TryGetValue(value, out var count) || counts.Count < MaxValues)
            {
                counts[value] = count + 1;
            }
            else
            {
                other++;
            }
        }

        return new FieldCounts(
            [.. counts.OrderByDescending(c => c.Value).ThenBy(c => c.Key, StringComparer.Ordinal)], other);
    }

    private static string Value(PresenceMeta meta, string field)
    {
        using var json = JsonDocument.Parse(meta.Utf8);
        if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty(
            field, out var value))
        {
            return "null";
        }

        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
        return text.Length <= MaxTextLength ? text : text[..MaxTextLength];
    }
}
