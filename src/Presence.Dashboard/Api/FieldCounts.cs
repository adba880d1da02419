using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Presences by the value of a metadata field, largest count first.</summary>
internal sealed record FieldCounts(IReadOnlyList<FieldCount> Values, int Other)
{
    // Presences with further values are counted in Other.
    public const int MaxValues = 10_000;

    public static FieldCounts Of(TopicSnapshot snapshot, string field)
    {
        var counts = new Dictionary<FieldValue, int>();
        var other = 0;
        foreach (var entry in snapshot)
        {
            var value = FieldValue.Of(entry.Meta, field);
            if (counts.TryGetValue(value, out var count) || counts.Count < MaxValues)
            {
                counts[value] = count + 1;
            }
            else
            {
                other++;
            }
        }

        var values = counts.Select(c => new FieldCount(c.Key.Text, c.Value))
            .OrderByDescending(c => c.Count).ThenBy(c => c.Text is null).ThenBy(c => c.Text, StringComparer.Ordinal);
        return new FieldCounts([.. values], other);
    }

    /// <summary>
    /// A value that takes little memory however long it is: the beginning of its text, and a hash of all of it if that
    /// is cut, so that two long values with the same beginning are counted apart.
    /// </summary>
    private readonly record struct FieldValue(string? Text, UInt128 Hash)
    {
        private const int MaxLength = 100;

        public static FieldValue Of(PresenceMeta meta, string field)
        {
            using var json = JsonDocument.Parse(meta.Utf8);
            if (json.RootElement.ValueKind != JsonValueKind.Object
                || !json.RootElement.TryGetProperty(field, out var value)
                || value.ValueKind == JsonValueKind.Null)
            {
                return default;
            }

            var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();
            if (text.Length <= MaxLength)
            {
                return new FieldValue(text, 0);
            }

            var length = char.IsHighSurrogate(text[MaxLength - 1]) ? MaxLength - 1 : MaxLength;
            var hash = SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan()));
            return new FieldValue(text[..length] + "…", BinaryPrimitives.ReadUInt128LittleEndian(hash));
        }
    }
}

/// <summary>The number of presences with a value.</summary>
/// <param name="Text">
/// A text, or JSON of another type, cut after 100 characters; null for presences without the field or with null.
/// </param>
/// <param name="Count">The number of presences.</param>
internal readonly record struct FieldCount(string? Text, int Count);
