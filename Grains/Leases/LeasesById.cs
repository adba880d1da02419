using System.Collections.Concurrent;

namespace Presence.Grains.Leases;

/// <summary>A concurrent dictionary of leases by id.</summary>
/// <remarks>
/// Ids of 32 lower-case hexadecimal digits, as ours are, are kept as GUIDs of 16 bytes: there may be as many leases as
/// presences, and the text would be the largest part of each.
/// </remarks>
internal sealed class LeasesById<TLease>
    where TLease : class
{
    private const int GuidDigits = 32;

    private readonly ConcurrentDictionary<Guid, TLease> _byGuid = new();
    private readonly ConcurrentDictionary<string, TLease> _byText = new(StringComparer.Ordinal);

    public IEnumerable<TLease> Values => _byGuid.Select(lease => lease.Value).Concat(_byText.Select(l => l.Value));

    public bool TryAdd(string id, TLease lease) =>
        IsGuid(id, out var guid) ? _byGuid.TryAdd(guid, lease) : _byText.TryAdd(id, lease);

    public TLease? Find(string id) => IsGuid(id, out var guid)
        ? _byGuid.GetValueOrDefault(guid)
        : _byText.GetValueOrDefault(id);

    /// <summary>Removes and returns a lease; null if there is none.</summary>
    public TLease? Remove(string id) => IsGuid(id, out var guid)
        ? _byGuid.TryRemove(guid, out var lease) ? lease : null
        : _byText.TryRemove(id, out lease) ? lease : null;

    /// <summary>Removes and returns the leases for which the predicate holds.</summary>
    public IEnumerable<TLease> RemoveWhere(Predicate<TLease> predicate) =>
        RemoveWhere(_byGuid, predicate).Concat(RemoveWhere(_byText, predicate));

    private static IEnumerable<TLease> RemoveWhere<TKey>(
        ConcurrentDictionary<TKey, TLease> leases, Predicate<TLease> predicate)
        where TKey : notnull => leases
        .Where(lease => predicate(lease.Value) && leases.TryRemove(lease))
        .Select(lease => lease.Value);

    private static bool IsGuid(string id, out Guid guid)
    {
        // Parsing alone would accept spaces around the digits.
        guid = default;
        return id.Length == GuidDigits
            && Guid.TryParseExact(id, "N", out guid)
            && !id.AsSpan().ContainsAnyInRange('A', 'F');
    }
}
