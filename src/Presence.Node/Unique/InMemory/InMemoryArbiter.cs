namespace Presence.Node;

/// <summary>Elects by the <see cref="InMemoryElections"/> of the node's in-memory cluster: once in the cluster, without an epoch.</summary>
internal sealed class InMemoryArbiter(EmbeddedLink node, TimeProvider time) : IUniqueArbiter
{
    public UniqueProcessMode Mode => UniqueProcessMode.Available;

    public ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation) =>
        ValueTask.FromResult<IUniqueContest>(new InMemoryContest(name, node, time));
}

/// <summary>One node's part in the election for one name.</summary>
internal sealed class InMemoryContest(string name, EmbeddedLink node, TimeProvider time) : IUniqueContest
{
    private TimeSpan _pause;
    private long _pausedAt;

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        var pause = _pause - time.GetElapsedTime(_pausedAt);
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
        }

        var term = await node.Cluster.Elections.AcquireAsync(name, node, cancellation).ConfigureAwait(false);
        term.Released = (state, pauseAfter) =>
        {
            (_pause, _pausedAt) = (pauseAfter, time.GetTimestamp());
            node.Cluster.Elections.Release(term, state);
        };
        return term;
    }

    public ValueTask DisposeAsync() => default;
}

/// <summary>The time in which a node holds the place; lost only if the node is removed from the cluster.</summary>
internal sealed class InMemoryTerm(string name, EmbeddedLink node, ReadOnlyMemory<byte> inherited) : IUniqueTerm
{
    private readonly LostSignal _lost = new();

    public string Name => name;

    public EmbeddedLink Node => node;

    /// <summary>Set by the contest before the process starts.</summary>
    public Action<ReadOnlyMemory<byte>, TimeSpan>? Released { get; set; }

    public long? Epoch => null;

    public ReadOnlyMemory<byte> Inherited => inherited;

    public bool IsCurrent => !_lost.Token.IsCancellationRequested;

    public CancellationToken Lost => _lost.Token;

    public UniqueStopReason LostReason => UniqueStopReason.LeaseLost;

    // Nobody else waits for a term to run out.
    public TimeSpan StopProlonging() => TimeSpan.MaxValue;

    public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        Released?.Invoke(state, pause);
        return default;
    }

    public ValueTask AbandonAsync(TimeSpan pause) => EndAsync(default, pause);

    public void Lose() => _lost.Raise();

    public void Dispose() => _lost.Dispose();
}
