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
