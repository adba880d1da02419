using Orleans.Metadata;
using Orleans;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Lists the unique processes of the cluster and the nodes that run them. Key: 0.</summary>
/// <remarks>
/// The silo that receives the call answers from its <see cref="IUniqueProcessDirectory"/>, whichever election is used.
/// A silo without unique processes forwards to one that has some.
/// </remarks>
[Alias("Presence.Grains.IUniqueDirectoryGrain")]
[DefaultGrainType("presence-unique-directory")]
public interface IUniqueDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>Returns every process that a node has added, in order of name.</summary>
    [Alias("List")]
    Task<IReadOnlyList<UniqueProcessStatus>> List();

    /// <summary>Returns one process; null if no node has added it.</summary>
    [Alias("Find")]
    Task<UniqueProcessStatus?> Find(string name);
}
