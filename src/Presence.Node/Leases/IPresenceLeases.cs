using System.Globalization;
using Presence.Tracker;

namespace Presence.Node.Leases;

/// <summary>Presences of callers that have no connection: each ends unless it is put again in time.</summary>
internal interface IPresenceLeases
{
    /// <summary>
    /// Makes the lease's presence exist with this metadata for a duration from now, whichever server is called.
    /// </summary>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    /// <exception cref="PresenceOverloadException">The node is at a limit; nothing was changed.</exception>
    Task<KeyLease> PutAsync(LeaseId id, PresenceMeta meta, TimeSpan duration, CancellationToken cancellation);

    /// <summary>Ends a lease. Returns false if there is none.</summary>
    Task<bool> EndAsync(LeaseId id, CancellationToken cancellation);
}

/// <summary>The result of <see cref="IPresenceLeases.PutAsync"/>.</summary>
/// <param name="IsNew">Whether the presence did not exist.</param>
/// <param name="Ref">The <see cref="PresenceEntry.Ref"/> of the presence.</param>
internal readonly record struct KeyLease(bool IsNew, string Ref);

/// <summary>Identifies a lease.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Key">The key.</param>
/// <param name="Holder">Distinguishes several presences under one key; may be empty.</param>
internal readonly record struct LeaseId(string Topic, string Key, string Holder)
{
    /// <summary>Returns a text from which <see cref="TryParse"/> reads the id.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Topic.Length}:{Key.Length}:{Topic}{Key}{Holder}");

    public static bool TryParse(string text, out LeaseId id)
    {
        id = default;
        var parts = text.Split(':', 3);
        if (parts.Length < 3
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var topic)
            || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var key)
            || (long)topic + key > parts[2].Length)
        {
            return false;
        }

        id = new LeaseId(parts[2][..topic], parts[2][topic..(topic + key)], parts[2][(topic + key)..]);
        return true;
    }
}
