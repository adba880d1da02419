using Presence.Node.InMemory;

namespace Presence.Node.Unique.InMemory;

internal sealed class InMemoryElection(InMemoryTransport node, TimeProvider time) : ILeaderElection
{
    public UniqueProcessMode Mode => UniqueProcessMode.Available;

    public ValueTask<ICandidate> JoinAsync(string name, UniqueProcessOptions options, CancellationToken cancellation) =>
        ValueTask.FromResult<ICandidate>(new InMemoryCandidate(name, node, time));
}

internal sealed class InMemoryCandidate(string name, InMemoryTransport node, TimeProvider time) : ICandidate
{
    private TimeSpan _pause;
    private long _pausedAt;

    public async ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation)
    {
        var pause = _pause - time.GetElapsedTime(_pausedAt);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
        }

        var leadership = await node.Cluster.Elections.AcquireAsync(name, node, cancellation).ConfigureAwait(false);
        leadership.Released = (state, pauseAfter) =>
        {
            (_pause, _pausedAt) = (pauseAfter, time.GetTimestamp());
            node.Cluster.Elections.Release(leadership, state);
        };
        return leadership;
    }

    public ValueTask DisposeAsync() => default;
}

/// <summary>Held until it is ended or the node is removed from the cluster.</summary>
internal sealed class InMemoryLeadership(string name, InMemoryTransport node, ReadOnlyMemory<byte> state) : ILeadership
{
    private readonly StopReasonSource _lost = new();

    public string Name => name;

    public InMemoryTransport Node => node;

    public Action<ReadOnlyMemory<byte>, TimeSpan>? Released { get; set; }

    public long? Epoch => null;

    public ReadOnlyMemory<byte> HandoverState => state;

    public bool IsHeld => !_lost.Token.IsCancellationRequested;

    public CancellationToken LostToken => _lost.Token;

    public UniqueStopReason LossReason => UniqueStopReason.LeaseLost;

    // It does not expire.
    public TimeSpan StopRenewing() => TimeSpan.MaxValue;

    public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        Released?.Invoke(state, pause);
        return default;
    }

    public ValueTask AbandonAsync(TimeSpan pause) => EndAsync(default, pause);

    public void Lose() => _lost.Raise();

    public void Dispose() => _lost.Dispose();
}
