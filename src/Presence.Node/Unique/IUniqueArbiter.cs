namespace Presence.Node;

/// <summary>Decides which node runs a unique process: a grain on silos, a lease, or the in-memory cluster.</summary>
/// <remarks>
/// One that is registered as a service is used for the processes of its mode; the last one registered counts. Who runs what is
/// published for <see cref="IUniqueProcessDirectory"/> by whoever uses the arbiter.
/// </remarks>
public interface IUniqueArbiter
{
    /// <summary>The mode whose promise it keeps.</summary>
    UniqueProcessMode Mode { get; }

    /// <summary>Refuses, when the member starts, what it could not arbitrate. Not implementing it refuses nothing.</summary>
    /// <exception cref="InvalidOperationException">Something that it needs is missing; the message says what.</exception>
    void Validate(string name)
    {
    }

    /// <summary>Enters this member into the contest for a name; it stands by from now on.</summary>
    ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation);
}

/// <summary>One member's part in the contest for one name. Used by one caller at a time; disposed to withdraw.</summary>
public interface IUniqueContest : IAsyncDisposable
{
    /// <summary>Waits until this member is to run the process. Troubles on the way are retried, not thrown.</summary>
    ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation);
}

/// <summary>The time in which this member may run the process. Disposed once it has ended or was abandoned.</summary>
public interface IUniqueTerm : IDisposable
{
    /// <summary>The fencing token; null where there can be none.</summary>
    long? Epoch { get; }

    /// <summary>What the last holder left; empty if it left nothing.</summary>
    ReadOnlyMemory<byte> Inherited { get; }

    /// <summary>Whether it still lasts, as far as this member can tell at this moment.</summary>
    bool IsCurrent { get; }

    /// <summary>Cancelled when the process must stop because the term was lost, for <see cref="LostReason"/>.</summary>
    CancellationToken Lost { get; }

    /// <summary>Why it was lost; meaningful after <see cref="Lost"/>.</summary>
    UniqueStopReason LostReason { get; }

    /// <summary>
    /// Asks how long the process may still take to end: zero or less if the term is over. From now on it is not prolonged.
    /// </summary>
    TimeSpan StopProlonging();

    /// <summary>Ends the term once the process has ended, and makes room for others.</summary>
    /// <param name="state">For the next holder; empty for nothing.</param>
    /// <param name="pause">How long this member does not compete.</param>
    ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause);

    /// <summary>The process did not end when asked: the term is left to run out, and this member does not compete for the pause.</summary>
    ValueTask AbandonAsync(TimeSpan pause);
}
