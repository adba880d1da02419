using System.Collections.Frozen;
using Orleans.Runtime;
using Presence.Grains.Cluster;

namespace Presence.Grains.Link;

/// <summary>Who is a member, as an immutable picture taken from one membership snapshot.</summary>
/// <param name="ByAddress">The other living silos: address to name.</param>
/// <param name="ByName">For each name, the newest living silo that bears it.</param>
internal sealed record MemberView(
    FrozenDictionary<SiloAddress, string> ByAddress,
    FrozenDictionary<string, SiloAddress> ByName)
{
    public static readonly MemberView Empty = new(
        FrozenDictionary<SiloAddress, string>.Empty,
        FrozenDictionary<string, SiloAddress>.Empty);

    /// <summary>
    /// The silos that can be sent to. One that shuts down still can: it has its farewell to say. One that only joins cannot.
    /// </summary>
    public static MemberView Of(PresenceSilosSnapshot snapshot, SiloAddress self)
    {
        var living = snapshot.Nodes.Values.Where(m => !m.Address.Equals(self)).ToList();
        return new MemberView(
            living.ToFrozenDictionary(m => m.Address, m => m.Name),
            living
                .GroupBy(m => m.Name, StringComparer.Ordinal)
                .ToFrozenDictionary(
                    g => g.Key,
                    g => g.MaxBy(m => (m.IsActive, m.Address.Generation))!.Address,
                    StringComparer.Ordinal));
    }

    /// <summary>
    /// What changed since <paramref name="before"/>. A silo that was living and is no longer listed as such is gone for
    /// good: no status leads back, and only silos that are over are ever cleaned from the table.
    /// </summary>
    public (IReadOnlyList<string> Joined, IReadOnlyList<(SiloAddress Silo, string Name)> Gone) Since(MemberView before) => (
        [.. ByAddress.Where(m => !before.ByAddress.ContainsKey(m.Key)).Select(m => m.Value)],
        [.. before.ByAddress.Where(m => !ByAddress.ContainsKey(m.Key)).Select(m => (m.Key, m.Value))]);

    /// <summary>
    /// The incarnation of a silo: its generation, with room above it for a replica that must restart within one life of
    /// its silo and still be covered when the silo dies.
    /// </summary>
    public static ulong IncarnationOf(SiloAddress silo) => (ulong)(uint)silo.Generation << 16;

    /// <summary>The highest incarnation that belongs to the silo.</summary>
    public static ulong LastIncarnationOf(SiloAddress silo) => IncarnationOf(silo) | 0xFFFF;
}
