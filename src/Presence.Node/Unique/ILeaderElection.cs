namespace Presence.Node;

/// <summary>Elects the node that runs a unique process.</summary>
/// <remarks>
/// An election registered as a service decides for the unique processes of its mode; the last one registered wins. Its
/// caller publishes the results for <see cref="IUniqueProcessDirectory"/>.
/// </remarks>
public interface ILeaderElection
{
    /// <summary>Gets the mode whose guarantee it gives.</summary>
    UniqueProcessMode Mode { get; }

    /// <summary>Validates, when the node starts, that it can elect for a name. Default: it can.</summary>
    /// <exception cref="InvalidOperationException">A requirement is missing; the message names it.</exception>
    void Validate(string name)
    {
    }

    /// <summary>Registers this node as a candidate for a name.</summary>
    ValueTask<ICandidate> JoinAsync(string name, UniqueProcessOptions options, CancellationToken cancellation);
}

/// <summary>A node's candidacy for one name. Used by one caller at a time; dispose it to withdraw.</summary>
public interface ICandidate : IAsyncDisposable
{
    /// <summary>Waits until this node is elected. Transient failures are retried, not thrown.</summary>
    ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation);
}

/// <summary>The period in which this node may run the process. Disposed after it was ended or abandoned.</summary>
public interface ILeadership : IDisposable
{
    /// <summary>Gets the fencing token; null in available mode.</summary>
    long? Epoch { get; }

    /// <summary>Gets the state that the previous holder handed over; empty if it left none.</summary>
    ReadOnlyMemory<byte> HandoverState { get; }

    /// <summary>Gets whether the leadership is held at this moment, as far as this node knows.</summary>
    bool IsHeld { get; }

    /// <summary>Gets the token that is cancelled when the leadership is lost; see <see cref="LossReason"/>.</summary>
    CancellationToken LostToken { get; }

    /// <summary>Gets the reason of the loss; valid after <see cref="LostToken"/> was cancelled.</summary>
    UniqueStopReason LossReason { get; }

    /// <summary>Stops renewing and returns the time left until expiry (zero or negative if it has expired).</summary>
    TimeSpan StopRenewing();

    /// <summary>Ends the leadership after the process has ended, so that another node can be elected.</summary>
    /// <param name="state">The state for the next holder; empty for none.</param>
    /// <param name="pause">How long this node is no candidate.</param>
    ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause);

    /// <summary>Lets the leadership expire: the process did not end. This node is no candidate for the pause.</summary>
    ValueTask AbandonAsync(TimeSpan pause);
}
