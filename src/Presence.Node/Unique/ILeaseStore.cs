namespace Presence.Node;

/// <summary>Durable leases with fencing epochs, for the election of unique processes in consistent mode.</summary>
/// <remarks>
/// <para>Every operation is one atomic compare-and-swap in durable storage, and only the storage's clock decides when a
/// lease expires. Epochs of a name grow with every new holder and are never reused.</para>
/// <para>A holder is a text that is new for every candidacy, so that a restarted process is not taken for its
/// predecessor. Operations throw when the storage is unreachable; their effect is then unknown.</para>
/// </remarks>
public interface ILeaseStore
{
    /// <summary>
    /// Gets why the last operation could not reach the storage, for health checks; holds no secrets. Null if it
    /// succeeded, if there was none, or if the store does not record it.
    /// </summary>
    string? LastError => null;

    /// <summary>Acquires the lease if it is free or expired; otherwise returns its holder.</summary>
    /// <remarks>Called by the current holder, it renews with the same epoch, so a call can be retried safely.</remarks>
    /// <param name="name">Name of the lease; 1 to 255 bytes of UTF-8.</param>
    /// <param name="holder">The candidate; 1 to 512 bytes of UTF-8.</param>
    /// <param name="duration">Duration from the moment the storage grants it.</param>
    /// <param name="cancellation">Cancels the wait for the storage.</param>
    ValueTask<LeaseResult> AcquireAsync(
        string name, string holder, TimeSpan duration, CancellationToken cancellation);

    /// <summary>Extends the lease to <paramref name="duration"/> from now if the holder still has it.</summary>
    /// <returns>Held with the same epoch; or not held, if it has expired or is another holder's.</returns>
    ValueTask<LeaseResult> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation);

    /// <summary>Releases the lease before its expiry and stores a state for the next holder.</summary>
    /// <param name="name">Name of the lease.</param>
    /// <param name="holder">Its holder.</param>
    /// <param name="epoch">The holder's epoch.</param>
    /// <param name="state">At most 64 KiB; returned to the next holder only.</param>
    /// <param name="cancellation">Cancels the wait for the storage.</param>
    /// <returns>False if the holder no longer had it; nothing was changed.</returns>
    ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation);

    /// <summary>Registers a callback for an early release. A hint: it may be spurious, late or missing.</summary>
    IDisposable OnReleased(string name, Action onReleased);
}

/// <summary>The state of a lease.</summary>
/// <param name="IsHeld">Whether the caller holds it.</param>
/// <param name="Epoch">The epoch of the holder; the last one if nobody holds it.</param>
/// <param name="Holder">The holder; null if there is none.</param>
/// <param name="Remaining">Time to expiry by the storage's clock; zero if nobody holds it.</param>
/// <param name="State">For a new holder: what its predecessor stored on release; empty otherwise.</param>
public readonly record struct LeaseResult(
    bool IsHeld, long Epoch, string? Holder, TimeSpan Remaining, ReadOnlyMemory<byte> State = default);
