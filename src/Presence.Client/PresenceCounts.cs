using System.Text.Json;

namespace Presence.Client;

/// <summary>What is known of a large topic instead of its members.</summary>
/// <param name="Count">The number of presences.</param>
/// <param name="Keys">The number of keys.</param>
/// <param name="Exact">Whether the numbers are exact; otherwise they are estimates.</param>
/// <param name="At">When the server counted.</param>
/// <param name="Sample">Some of the presences, with those of this channel, ordered by key.</param>
public sealed record PresenceCounts(
    int Count,
    int Keys,
    bool Exact,
    DateTimeOffset At,
    IReadOnlyList<(string Key, IReadOnlyList<JsonElement> Metas)> Sample);

/// <summary>Some presences of a topic.</summary>
/// <param name="Presences">The metadata under each key, ordered by key.</param>
/// <param name="Next">After which key the next page begins; null if this was the last one.</param>
public sealed record PresencePage(
    IReadOnlyList<(string Key, IReadOnlyList<JsonElement> Metas)> Presences, string? Next);
