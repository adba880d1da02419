using Orleans.Metadata;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Elects which of the nodes that added a unique process runs it. Key: its name. Called by silos alone.</summary>
/// <remarks>
/// One activation in the cluster, on the oldest active node; when that silo is dead, the next oldest has it. It stores nothing: a
/// new activation asks every node who runs the process before it lets anybody run it. On a silo that is not the oldest any more
/// every call fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: call again.
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

    /// <summary>Reports how a seat is, and returns what it has to do. Valid for the lease: a seat that does not report is replaced.</summary>
    /// <exception cref="ArgumentException">Another mode than that of the others under this name.</exception>
    /// <exception cref="PresenceOverloadException">Too many seats.</exception>
    [Alias("Attend")]
    Task<UniqueVerdict> Attend(UniqueSeat seat);

    /// <summary>Reports that a seat has ended its term or leaves; completes when a successor runs, or after the timeout.</summary>
    /// <param name="seat">How it is now.</param>
    /// <param name="state">Available mode: for the successor; at most 32 KiB.</param>
    /// <param name="patience">How long to wait for the successor; at most a minute counts.</param>
    [Alias("Leave")]
    Task Leave(UniqueSeat seat, byte[] state, TimeSpan patience);

    /// <summary>Consistent mode: takes the lease for a seat; see <see cref="ILeaseStore.AcquireAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">The silo of this grain has no <see cref="ILeaseStore"/>.</exception>
    [Alias("Acquire")]
    Task<LeaseAnswer> Acquire(string holder, TimeSpan duration);

    /// <summary>Consistent mode: the lease was given back; those that stand by are called.</summary>
    [Alias("Released")]
    Task Released();
}
