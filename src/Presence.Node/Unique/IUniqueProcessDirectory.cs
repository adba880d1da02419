namespace Presence.Node;

/// <summary>Lists the unique processes of the cluster and the nodes that run them, as this node sees them.</summary>
public interface IUniqueProcessDirectory
{
    /// <summary>Returns the status of every name that a node has added, ordered by name.</summary>
    IReadOnlyList<UniqueProcessStatus> List();

    /// <summary>Returns the status of one name; null if no node has added it.</summary>
    UniqueProcessStatus? Find(string name);

    /// <summary>
    /// Requests that the node that runs it stop it with <see cref="UniqueStopReason.HandedOver"/> and not be a
    /// candidate for 5 s. The request is a message and may be lost: check with <see cref="Find"/>.
    /// </summary>
    /// <exception cref="ArgumentException">No node has added the name.</exception>
    void RequestHandOver(string name);
}

/// <summary>The status of a unique process.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Mode">Its mode.</param>
/// <param name="Node">The node that runs it; null if none does.</param>
/// <param name="Since">Its start, by that node's clock.</param>
/// <param name="Epoch">Its epoch, in consistent mode.</param>
/// <param name="Standbys">The other candidates, ordered by name.</param>
public sealed record UniqueProcessStatus(
    string Name,
    UniqueProcessMode Mode,
    string? Node,
    DateTimeOffset? Since,
    long? Epoch,
    IReadOnlyList<string> Standbys);
