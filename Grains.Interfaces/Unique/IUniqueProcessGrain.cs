using Orleans.Metadata;
using Orleans;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Returns who runs one unique process, and moves it. Key: its name.</summary>
/// <remarks>
/// Can be called from any silo and any client. Every node forwards to the silo that elects who runs the process: the oldest
/// active one. While that changes, a call fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: call again.
/// </remarks>
[Alias("Presence.Grains.IUniqueProcessGrain")]
[DefaultGrainType("presence-unique-process-status")]
public interface IUniqueProcessGrain : IGrainWithStringKey
{
    /// <summary>Returns who runs it, since when, with which epoch, and who stands by.</summary>
    /// <returns>Null if no node is known that has added the name.</returns>
    [Alias("Status")]
    Task<UniqueProcessStatus?> Status();

    /// <summary>
    /// Asks whoever runs it to stop with <see cref="UniqueStopReason.HandedOver"/> and not to compete for the next few seconds.
    /// Completes before it has stopped.
    /// </summary>
    /// <returns>False if nobody runs it.</returns>
    [Alias("HandOver")]
    Task<bool> HandOver();
}
