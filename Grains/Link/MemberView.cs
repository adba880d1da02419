using System.Collections.Frozen;
using Orleans.Runtime;
using Presence.Grains.Cluster;

namespace Presence.Grains.Link;

/// <summary>The other nodes, as an immutable picture taken from one snapshot.</summary>
/// <param name="Nodes">Address to name.</param>
/// <param name="Targets">The silos to which frames go: the nodes, and those of which it is not known yet.</param>
/// <param name="ByName">For each name, the newest living silo that has it.</param>
internal sealed record MemberView(
    FrozenDictionary<SiloAddress, string> Nodes,
    SiloAddress[] Targets,
    FrozenDictionary<string, SiloAddress> ByName)
{
    public static readonly MemberView Empty = new(
        FrozenDictionary<SiloAddress, string>.Empty, [], FrozenDictionary<string, SiloAddress>.Empty);

    public static MemberView Of(PresenceSilosSnapshot snapshot, SiloAddress self)
    {
        var nodes = snapshot.Nodes.Values.Where(m => !m.Address.Equals(self)).ToList();
        var targets = nodes.Concat(snapshot.Unknown.Values).ToList();
        return new MemberView(
            nodes.ToFrozenDictionary(m => m.Address, m => m.Name),
            [.. targets.Select(m => m.Address)],
            targets
                .GroupBy(m => m.Name, StringComparer.Ordinal)
                .ToFrozenDictionary(
                    g => g.Key,
                    g => g.MaxBy(m => (m.IsActive, m.Address.Generation))!.Address,
                    StringComparer.Ordinal));
    }

    /// <summary>
    /// Returns what changed since <paramref name="before"/>. A silo that was living and is no longer listed as such never comes
    /// back: no status leads back, and only dead silos are ever removed from the membership table.
    /// </summary>
    public (IReadOnlyList<string> Joined, IReadOnlyList<(SiloAddress Silo, string Name)> Gone) Since(MemberView before) => (
        [.. Nodes.Where(m => !before.Nodes.ContainsKey(m.Key)).Select(m => m.Value)],
        [.. before.Nodes.Where(m => !Nodes.ContainsKey(m.Key)).Select(m => (m.Key, m.Value))]);

    /// <summary>
    /// The incarnation of a silo: its generation, with room above it for a replica that must restart within one life of
    /// its silo and still be covered when the silo dies.
    /// </summary>
    public static ulong IncarnationOf(SiloAddress silo) => (ulong)(uint)silo.Generation << 16;

    /// <summary>The highest incarnation that belongs to the silo.</summary>
    public static ulong LastIncarnationOf(SiloAddress silo) => IncarnationOf(silo) | 0xFFFF;
}
