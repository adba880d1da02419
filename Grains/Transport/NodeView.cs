using System.Collections.Frozen;
using Orleans.Runtime;
using Presence.Grains.Cluster;

namespace Presence.Grains.Transport;

/// <summary>An immutable view of the other nodes, taken from one snapshot.</summary>
/// <param name="Nodes">The nodes' names by address.</param>
/// <param name="Targets">The silos to send frames to: the nodes, and active silos that may be nodes.</param>
/// <param name="ByName">For each name, the newest silo that has it.</param>
/// <param name="WithoutSessions">The names of the nodes that do not know resumable sessions.</param>
internal sealed record NodeView(
    FrozenDictionary<SiloAddress, string> Nodes,
    SiloAddress[] Targets,
    FrozenDictionary<string, SiloAddress> ByName,
    string[] WithoutSessions)
{
    public static readonly NodeView Empty = new(
        FrozenDictionary<SiloAddress, string>.Empty, [], FrozenDictionary<string, SiloAddress>.Empty, []);

    public static NodeView Of(PresenceSilosSnapshot snapshot, SiloAddress self)
    {
        var nodes = snapshot.Nodes.Values.Where(m => !m.Address.Equals(self)).ToList();
        var targets = nodes.Concat(snapshot.Unknown.Values).ToList();
        return new NodeView(
            nodes.ToFrozenDictionary(m => m.Address, m => m.Name),
            [.. targets.Select(m => m.Address)],
            targets
                .GroupBy(m => m.Name, StringComparer.Ordinal)
                .ToFrozenDictionary(
                    g => g.Key,
                    g => g.MaxBy(m => (m.IsActive, m.Address.Generation))!.Address,
                    StringComparer.Ordinal),
            [.. nodes.Where(m => !m.KnowsSessions).Select(m => m.Name)]);
    }

    /// <summary>
    /// Returns the changes since <paramref name="before"/>. A silo that is no longer listed never returns: no status
    /// leads back, and only dead silos are removed from the membership table.
    /// </summary>
    public (IReadOnlyList<string> Joined, IReadOnlyList<(SiloAddress Silo, string Name)> Gone) Since(
        NodeView before) => (
        [.. Nodes.Where(m => !before.Nodes.ContainsKey(m.Key)).Select(m => m.Value)],
        [.. before.Nodes.Where(m => !Nodes.ContainsKey(m.Key)).Select(m => (m.Key, m.Value))]);

    /// <summary>
    /// Returns the first incarnation of a silo: its generation, shifted to leave room for restarts of the replica
    /// within the silo's lifetime.
    /// </summary>
    public static ulong IncarnationOf(SiloAddress silo) => (ulong)(uint)silo.Generation << 16;

    /// <summary>Returns the last incarnation of a silo.</summary>
    public static ulong LastIncarnationOf(SiloAddress silo) => IncarnationOf(silo) | 0xFFFF;
}
