namespace Presence.Node.Tests.Unique;

internal sealed class StubTerm : IUniqueTerm
{
    public long? Epoch { get; init; } = 1;

    public ReadOnlyMemory<byte> Inherited => default;

    public bool IsCurrent { get; init; } = true;

    public bool IsAbandoned { get; private set; }

    public CancellationToken Lost => default;

    public UniqueStopReason LostReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopProlonging() => TimeSpan.MaxValue;

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

/// <summary>Wins the terms it was given, one after another, and then none any more.</summary>
internal sealed class StubArbiter(params IUniqueTerm[] terms) : IUniqueArbiter, IUniqueContest
{
    private readonly Queue<IUniqueTerm> _terms = new(terms);

    /// <summary>Why it rejects every process; null if it does not.</summary>
    public string? Refuses { get; init; }

    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    public void Validate(string name)
    {
        if (Refuses is { } reason)
        {
            throw new InvalidOperationException(reason);
        }
    }

    public ValueTask<IUniqueContest> EnterAsync(
        string name, UniqueProcessOptions options, CancellationToken cancellation) => new(this);

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        if (_terms.TryDequeue(out var term))
        {
            return term;
        }

        await Task.Delay(Timeout.Infinite, cancellation);
        throw new InvalidOperationException();
    }

    public ValueTask DisposeAsync() => default;
}
