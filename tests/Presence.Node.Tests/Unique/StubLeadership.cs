namespace Presence.Node.Tests.Unique;

internal sealed class StubLeadership : ILeadership
{
    public long? Epoch { get; init; } = 1;

    public ReadOnlyMemory<byte> HandoverState => default;

    public bool IsHeld { get; init; } = true;

    public bool IsAbandoned { get; private set; }

    public CancellationToken LostToken => default;

    public UniqueStopReason LossReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopRenewing() => TimeSpan.MaxValue;

    public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause) => default;

    public ValueTask AbandonAsync(TimeSpan pause)
    {
        IsAbandoned = true;
        return default;
    }

    public void Dispose()
    {
    }
}

/// <summary>Acquires the given leaderships one after another, then none.</summary>
internal sealed class StubElection(params ILeadership[] leaderships) : ILeaderElection, ICandidate
{
    private readonly Queue<ILeadership> _leaderships = new(leaderships);

    /// <summary>The error of its validation; null for none.</summary>
    public string? Error { get; init; }

    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    public void Validate(string name)
    {
        if (Error is { } reason)
        {
            throw new InvalidOperationException(reason);
        }
    }

    public ValueTask<ICandidate> JoinAsync(
        string name, UniqueProcessOptions options, CancellationToken cancellation) => new(this);

    public async ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation)
    {
        if (_leaderships.TryDequeue(out var leadership))
        {
            return leadership;
        }

        await Task.Delay(Timeout.Infinite, cancellation);
        throw new InvalidOperationException();
    }

    public ValueTask DisposeAsync() => default;
}
