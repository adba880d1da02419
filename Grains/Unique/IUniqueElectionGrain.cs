using Orleans.Metadata;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Elects the node that runs a unique process. Key: the process's name. Called only by silos.</summary>
/// <remarks>
/// One activation in the cluster, on the oldest active node; when that silo is dead, on the next oldest. It stores
/// nothing: a new activation queries every node about who runs the process before it grants a term. On a silo that is
/// no longer the oldest, every call fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: call again.
/// </remarks>
[Alias("Presence.Grains.IUniqueElectionGrain")]
[DefaultGrainType("presence-unique-process")]
internal interface IUniqueElectionGrain : IGrainWithStringKey
{
    /// <summary>See <see cref="IUniqueProcessGrain.Status"/>.</summary>
    [Alias("Status")]
    Task<UniqueProcessStatus?> Status();

    /// <summary>See <see cref="IUniqueProcessGrain.HandOver"/>.</summary>
    [Alias("HandOver")]
    Task<bool> HandOver();

    /// <summary>
    /// Reports a seat and returns its verdict. Without a report for <c>UniqueLease</c> it is removed.
    /// </summary>
    /// <exception cref="ArgumentException">The mode differs from that of the other seats.</exception>
    /// <exception cref="PresenceOverloadException">The maximum number of seats is reached.</exception>
    [Alias("Attend")]
    Task<UniqueVerdict> Attend(UniqueSeat seat);

    /// <summary>Reports the end of a seat's term. Completes when a successor runs, or after the timeout.</summary>
    /// <param name="seat">The seat's state.</param>
    /// <param name="state">Available mode: the state for the successor, at most 32 KiB.</param>
    /// <param name="timeout">How long to wait for the successor, limited to one minute.</param>
    [Alias("Leave")]
    Task Leave(UniqueSeat seat, byte[] state, TimeSpan timeout);

    /// <summary>Consistent mode: acquires the lease for a seat; see <see cref="ILeaseStore.AcquireAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">The silo of this grain has no <see cref="ILeaseStore"/>.</exception>
    [Alias("Acquire")]
    Task<LeaseResult> Acquire(string holder, TimeSpan duration);

    /// <summary>Consistent mode: reports that the lease was released, and notifies the standby seats.</summary>
    [Alias("Released")]
    Task Released();
}
