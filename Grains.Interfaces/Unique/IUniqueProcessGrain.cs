using Orleans;
using Orleans.Metadata;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Returns which node runs one unique process, and moves it. Key: its name.</summary>
/// <remarks>
/// Can be called from any silo and any client. The call goes to the silo that elects the runner: the oldest active one.
/// While that changes, it fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: retry.
/// </remarks>
[Alias("Presence.Grains.IUniqueProcessGrain")]
[DefaultGrainType("presence-unique-process-status")]
public interface IUniqueProcessGrain : IGrainWithStringKey
{
    /// <summary>Returns the node that runs it, since when, its epoch, and the standby nodes.</summary>
    /// <returns>Null if no known node has added the name.</returns>
    [Alias("Status")]
    Task<UniqueProcessStatus?> Status();

    /// <summary>
    /// Stops the process on its current node with <see cref="UniqueStopReason.HandedOver"/> and keeps that node from
    /// competing for the next few seconds. Completes before it has stopped.
    /// </summary>
    /// <returns>False if no node runs it.</returns>
    [Alias("HandOver")]
    Task<bool> HandOver();
}
