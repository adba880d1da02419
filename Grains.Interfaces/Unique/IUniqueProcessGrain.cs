using Orleans;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Arbitrates one unique process: decides which of the members that added it runs it. Key: its name.</summary>
/// <remarks>
/// <para>One activation in the cluster, on the oldest active silo; when that silo is gone, the next oldest has it. It stores nothing: a new
/// activation asks every silo who runs the process before it lets anybody run it.</para>
/// <para>Applications call <see cref="Status"/> and <see cref="HandOver"/>; the rest is the engine's. On a silo that is not the oldest
/// any more every call fails with <see cref="Orleans.Runtime.SiloUnavailableException"/>: call again.</para>
/// </remarks>
[Alias("Presence.Grains.IUniqueProcessGrain")]
public interface IUniqueProcessGrain : IGrainWithStringKey
{
    /// <summary>Who runs it, since when, with which epoch, and who stands by, as heard from them within their lease.</summary>
    /// <returns>Null if no member has been heard of that added the name.</returns>
    [Alias("Status")]
    Task<UniqueProcessRecord?> Status();

    /// <summary>
    /// Asks whoever runs it to stop with <see cref="UniqueStopReason.HandedOver"/> and not to compete for the next few seconds.
    /// Completes before it has stopped.
    /// </summary>
    /// <returns>False if nobody runs it.</returns>
    [Alias("HandOver")]
    Task<bool> HandOver();

    /// <summary>A seat says how it is and is told what to do. Kept for the lease: one that does not come again is replaced.</summary>
    /// <exception cref="ArgumentException">Another mode than that of the others under this name.</exception>
    /// <exception cref="PresenceOverloadException">Too many seats.</exception>
    [Alias("Attend")]
    Task<UniqueVerdict> Attend(UniqueSeat seat);

    /// <summary>A seat has ended its term, or goes altogether; completes when a successor runs, or after the patience.</summary>
    /// <param name="seat">How it is now.</param>
    /// <param name="state">Available mode: for the successor; at most 32 KiB.</param>
    /// <param name="patience">How long to wait for the successor; at most a minute counts.</param>
    [Alias("Leave")]
    Task Leave(UniqueSeat seat, byte[] state, TimeSpan patience);

    /// <summary>Consistent mode: takes the lease for a seat; see <see cref="ILeaseStore.AcquireAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">The silo of this grain has no <see cref="ILeaseStore"/>.</exception>
    [Alias("Acquire")]
    Task<UniqueLease> Acquire(string holder, TimeSpan duration);

    /// <summary>Consistent mode: the lease was given back; those that stand by are called.</summary>
    [Alias("Released")]
    Task Released();
}
