namespace Presence.Node.Tests.Unique;

internal sealed class StubTerm : IUniqueTerm
{
    public long? Epoch => 1;

    public ReadOnlyMemory<byte> Inherited => default;

    public bool IsCurrent => true;

    public CancellationToken Lost => default;

    public UniqueStopReason LostReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopProlonging() => TimeSpan.MaxValue;

    public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause) => default;

    public ValueTask AbandonAsync(TimeSpan pause) => default;

    public void Dispose()
    {
    }
}
