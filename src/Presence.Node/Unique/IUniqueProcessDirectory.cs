namespace Presence.Node;

/// <summary>Tells what unique processes there are in the cluster and who runs them, as this member sees it.</summary>
public interface IUniqueProcessDirectory
{
    /// <summary>All names that some member has added, in order of name.</summary>
    IReadOnlyList<UniqueProcessStatus> List();

    /// <summary>One name; null if no member has added it.</summary>
    UniqueProcessStatus? Find(string name);

    /// <summary>
    /// Asks whoever runs it, on whichever member, to stop with <see cref="UniqueStopReason.HandedOver"/> and not to compete for
    /// the next few seconds. The request is a message and may be lost: look again with <see cref="Find"/>.
    /// </summary>
    /// <exception cref="ArgumentException">No member has added the name.</exception>
    void RequestHandOver(string name);
}

/// <summary>Where a unique process runs.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Mode">What is promised.</param>
/// <param name="Node">The member that runs it; null if none does at this moment.</param>
/// <param name="Since">Since when, by that member's clock.</param>
/// <param name="Epoch">Its epoch, in consistent mode.</param>
/// <param name="Standbys">The members that would take over, in order of name.</param>
public sealed record UniqueProcessStatus(
    string Name,
    UniqueProcessMode Mode,
    string? Node,
    DateTimeOffset? Since,
    long? Epoch,
    IReadOnlyList<string> Standbys);
