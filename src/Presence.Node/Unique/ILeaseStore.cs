namespace Presence.Node;

/// <summary>Durable leases with fencing epochs: what decides who runs a unique process in consistent mode.</summary>
/// <remarks>
/// <para>Every operation is one atomic compare-and-swap in durable storage, and the storage's clock alone decides when a lease
/// has run out. Epochs of one name grow with every new holder and are never used twice, for ever.</para>
/// <para>A holder is a text that is made anew for every attempt to hold, so that a restarted program is never taken for its
/// predecessor. Every operation throws when the storage cannot be reached; the caller then knows nothing about its effect.</para>
/// </remarks>
public interface ILeaseStore
{
    /// <summary>Takes the lease if it is free or has run out; says who has it otherwise.</summary>
    /// <remarks>Asked again by the one that has it, it renews, with the same epoch: an answer that got lost may be asked for again.</remarks>
    /// <param name="name">What is to be unique; 1 to 255 bytes of UTF-8.</param>
    /// <param name="holder">Who wants it; 1 to 512 bytes of UTF-8.</param>
    /// <param name="duration">How long it lasts from the moment the storage grants it.</param>
    /// <param name="cancellation">Ends the wait for the storage.</param>
    ValueTask<LeaseAnswer> AcquireAsync(string name, string holder, TimeSpan duration, CancellationToken cancellation);

    /// <summary>Lets the lease last for another <paramref name="duration"/> from now, if it is still this holder's.</summary>
    /// <returns>Held with the same epoch; or not held, if somebody else has it or it has run out, even if nobody took it.</returns>
    ValueTask<LeaseAnswer> RenewAsync(string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation);

    /// <summary>Gives the lease back early and leaves a state for the next holder.</summary>
    /// <param name="name">The lease.</param>
    /// <param name="holder">Who has it.</param>
    /// <param name="epoch">The epoch it has it with.</param>
    /// <param name="state">At most 64 KiB; the next holder finds it in its answer, later ones do not.</param>
    /// <param name="cancellation">Ends the wait for the storage.</param>
    /// <returns>False if it was not this holder's any more; nothing was changed.</returns>
    ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation);

    /// <summary>Calls back when the lease may have become free early. A hint: it may come for nothing, late or never.</summary>
    IDisposable WatchReleases(string name, Action onReleased);
}

/// <summary>Who has a lease.</summary>
/// <param name="IsHeld">Whether the one that asked has it.</param>
/// <param name="Epoch">The epoch of whoever has it; the last one given if nobody does.</param>
/// <param name="Holder">Who has it; null if nobody does.</param>
/// <param name="Remaining">How long it still lasts by the storage's clock; zero if nobody has it.</param>
/// <param name="State">To a new holder: what its predecessor left on release; empty otherwise.</param>
public readonly record struct LeaseAnswer(
    bool IsHeld, long Epoch, string? Holder, TimeSpan Remaining, ReadOnlyMemory<byte> State = default);
