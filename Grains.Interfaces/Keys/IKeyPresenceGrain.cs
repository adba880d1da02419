using Orleans;
using Orleans.Metadata;
using Presence.Node;
using Presence.Node.Leases;
using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Grains;

/// <summary>
/// A presence that exists in the cluster once and ends unless it is put again in time: for workers and devices without
/// a connection. Key: <see cref="KeyPresenceGrains.KeyPresence"/>.
/// </summary>
/// <remarks>
/// It does not matter which silo or client puts it. If the silo that keeps it fails, the next call creates it anew on
/// another one.
/// </remarks>
[Alias("Presence.Grains.IKeyPresenceGrain")]
[DefaultGrainType("presence-key")]
public interface IKeyPresenceGrain : IGrainWithStringKey
{
    /// <summary>Creates the presence, or replaces its metadata if it differs, and renews it.</summary>
    /// <param name="meta">The metadata.</param>
    /// <param name="duration">Time from now until the presence ends; 1 s to 10 min.</param>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The silo is at a limit; nothing was changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The duration is out of range.</exception>
    [Alias("Put")]
    Task<KeyPresenceResult> Put(PresenceMeta meta, TimeSpan duration);

    /// <summary>Ends the presence. Returns false if there is none.</summary>
    [Alias("End")]
    Task<bool> End();
}

/// <summary>The result of <see cref="IKeyPresenceGrain.Put"/>.</summary>
/// <param name="IsNew">Whether the presence did not exist.</param>
/// <param name="Ref">Id of the version of the presence.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.key-presence")]
public sealed record KeyPresenceResult([property: Id(0)] bool IsNew, [property: Id(1)] string Ref);

/// <summary>Finds <see cref="IKeyPresenceGrain"/>.</summary>
public static class KeyPresenceGrains
{
    /// <summary>Returns the grain of a presence.</summary>
    /// <param name="grains">The grain factory.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="key">The key.</param>
    /// <param name="holder">Distinguishes several presences under one key, such as devices; may be empty.</param>
    public static IKeyPresenceGrain KeyPresence(
        this IGrainFactory grains, string topic, string key, string holder = "")
    {
        ArgumentNullException.ThrowIfNull(grains);
        StrictUtf8.Check(topic, nameof(topic));
        StrictUtf8.Check(key, nameof(key));
        StrictUtf8.Check(holder, nameof(holder));
        return grains.GetGrain<IKeyPresenceGrain>(new LeaseId(topic, key, holder).ToString());
    }
}
