namespace Presence.Tracker;

/// <summary>One presence to track or update.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Key">The key.</param>
/// <param name="Meta">The metadata.</param>
public readonly record struct TrackRequest(string Topic, string Key, PresenceMeta Meta = default);
