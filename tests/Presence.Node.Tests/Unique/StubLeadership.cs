namespace Presence.Node.Tests.Unique;

internal sealed class StubLeadership : ILeadership
{
    private readonly TaskCompletionSource _abandoned = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long? Epoch { get; init; } = 1;

    public ReadOnlyMemory<byte> HandoverState => default;

    public bool IsHeld { get; init; } = true;

    /// <summary>Gets a task that completes when the leadership is abandoned.</summary>
    public Task Abandoned => _abandoned.Task;

    /// <summary>The task with which an abandonment completes.</summary>
    public Task Abandoning { get; init; } = Task.CompletedTask;

    /// <summary>Gets the state and the pause of each end.</summary>
    public Awaited<(string State, TimeSpan Pause)> Ended { get; } = new();

    public CancellationToken LostToken { get; init; }

    public UniqueStopReason LossReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopRenewing() => TimeSpan.MaxValue;

    public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        Ended.Add((Encoding.UTF8.GetString(state.Span), pause));
        return default;
    }

    public ValueTask AbandonAsync(TimeSpan pause)
    {
        _abandoned.TrySetResult();
        return new(Abandoning);
    }

    public void Dispose()
    {
    }
}

/// <summary>Acquires the given leaderships one after another, then none.</summary>
internal sealed class StubElection(params ILeadership[] leaderships) : ILeaderElection, ICandidate
{
    private readonly Queue<ILeadership> _leaderships = new(leaderships);
    private int _requests;

    /// <summary>Gets how many leaderships were requested.</summary>
    public int Requests => Volatile.Read(ref _requests);

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
        Interlocked.Increment(ref _requests);
        if (_leaderships.TryDequeue(out var leadership))
        {
            return leadership;
        }

        await Task.Delay(Timeout.Infinite, cancellation);
        throw new InvalidOperationException();
    }

    public ValueTask DisposeAsync() => default;
}
