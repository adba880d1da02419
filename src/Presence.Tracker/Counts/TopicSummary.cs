using System.Buffers;
using System.Text.Json;

namespace Presence.Tracker.Counts;

/// <summary>What a node has of a counts-only topic, as the other nodes know it.</summary>
/// <param name="Count">Number of its presences, at least 1.</param>
/// <param name="KeyCount">Number of its distinct keys, 1 to <paramref name="Count"/>.</param>
/// <param name="Sketch">A <see cref="KeySketch"/> of these keys, encoded.</param>
internal sealed record TopicSummary(int Count, int KeyCount, ReadOnlyMemory<byte> Sketch)
{
    /// <summary>Maximum size of a summary as metadata, in bytes.</summary>
    public const int MaxBytes = 20 * 1024;

    private static ReadOnlySpan<byte> CountName => "n"u8;

    private static ReadOnlySpan<byte> KeyCountName => "k"u8;

    private static ReadOnlySpan<byte> SketchName => "s"u8;

    /// <summary>Summarizes the presences of a topic, at a cost proportional to its size.</summary>
    /// <param name="topic">The presences of this node, at least one.</param>
    /// <param name="sketch">A sketch that is overwritten, so that one serves many topics.</param>
    public static TopicSummary Of(TopicSnapshot topic, KeySketch sketch)
    {
        sketch.Clear();
        string? last = null;
        foreach (var entry in topic)
        {
            if (!string.Equals(entry.Key, last, StringComparison.Ordinal))
            {
                sketch.Add(last = entry.Key);
            }
        }

        return new TopicSummary(topic.Count, topic.KeyCount, sketch.Encode());
    }

    /// <summary>Returns the summary as metadata.</summary>
    public PresenceMeta ToMeta()
    {
        var buffer = new ArrayBufferWriter<byte>(64 + (Sketch.Length / 3 * 4));
        using (var to = new Utf8JsonWriter(buffer))
        {
            to.WriteStartObject();
            to.WriteNumber(CountName, Count);
            to.WriteNumber(KeyCountName, KeyCount);
            to.WriteBase64String(SketchName, Sketch.Span);
            to.WriteEndObject();
        }

        return PresenceMeta.Trusted(buffer.WrittenSpan.ToArray());
    }

    /// <summary>
    /// Reads a summary of another node; null if it is none, such as one of a later version. Does not throw, and costs
    /// no more than reading the bytes. Fields that are unknown are skipped.
    /// </summary>
    public static TopicSummary? Read(PresenceMeta meta)
    {
        if (meta.Length > MaxBytes)
        {
            return null;
        }

        try
        {
            int count = 0, keys = 0;
            byte[]? sketch = null;
            var json = new Utf8JsonReader(meta.Utf8.Span);
            json.Read();
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var (isCount, isKeys, isSketch) = (
                    json.ValueTextEquals(CountName),
                    json.ValueTextEquals(KeyCountName),
                    json.ValueTextEquals(SketchName));
                json.Read();
                count = isCount ? json.GetInt32() : count;
                keys = isKeys ? json.GetInt32() : keys;
                sketch = isSketch ? json.GetBytesFromBase64() : sketch;
                json.Skip();
            }

            return keys >= 1 && keys <= count && sketch is not null && KeySketch.IsValid(sketch)
                ? new TopicSummary(count, keys, sketch) : null;
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Returns the number of distinct keys of a topic.</summary>
    /// <param name="owners">What each node has of it.</param>
    /// <returns>
    /// Of one node or none: the exact number. Of several an estimate, which is at least the largest number of a node
    /// and at most their sum.
    /// </returns>
    public static int KeysOf(IReadOnlyCollection<TopicSummary> owners)
    {
        if (owners.Count <= 1)
        {
            return owners.FirstOrDefault()?.KeyCount ?? 0;
        }

        var merged = new KeySketch();
        foreach (var owner in owners)
        {
            merged.Merge(owner.Sketch.Span);
        }

        var most = Math.Min(owners.Sum(owner => (long)owner.KeyCount), int.MaxValue);
        return (int)Math.Clamp(Math.Round(merged.Estimate()), owners.Max(owner => owner.KeyCount), most);
    }

    /// <summary>Returns whether both say the same.</summary>
    public bool IsSame(TopicSummary? other) => other is not null && Count == other.Count && KeyCount == other.KeyCount
        && Sketch.Span.SequenceEqual(other.Sketch.Span);
}
