using Orleans.Metadata;
using Orleans;
using Presence.Node;

namespace Presence.Grains;

/// <summary>What unique processes there are in the cluster and who runs them, for clients outside. Key: 0.</summary>
/// <remarks>
/// Answered by the silo that the call lands on, from that silo's <see cref="IUniqueProcessDirectory"/>, whatever arbitrates;
/// a silo that has added no unique process asks one that has.
/// </remarks>
[Alias("Presence.Grains.IUniqueDirectoryGrain")]
[DefaultGrainType("presence-unique-directory")]
public interface IUniqueDirectoryGrain : IGrainWithIntegerKey
{
    /// <summary>All names that some member has added, in order of name.</summary>
    [Alias("List")]
    Task<IReadOnlyList<UniqueProcessStatus>> List();

    /// <summary>One name; null if no member has added it.</summary>
    [Alias("Find")]
    Task<UniqueProcessStatus?> Find(string name);
}
