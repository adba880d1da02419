using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Available mode: waits until the grain says to run, and runs until it says to stop.</summary>
internal sealed class SeatContest : IUniqueContest
{
    private readonly Seat _seat;
    private readonly UniqueSeats _seats;
    private readonly UniqueProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource<IUniqueTerm>? _won;
    private SeatTerm? _term;
    private TimeSpan _pause;
    private long _pausedAt;
    private long _lastTerm;

    public SeatContest(Seat seat, UniqueSeats seats, UniqueProcessOptions options, TimeProvider time)
    {
        (_seat, _seats, _options, _time) = (seat, seats, options, time);
        seat.Decided = Decided;
        seat.Start();
    }

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        var pause = _pause - _time.GetElapsedTime(_pausedAt);
        await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, _time, cancellation);
        var won = new TaskCompletionSource<IUniqueTerm>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _won = won;
        }

        _seat.Change(s => s with { IsAble = true });
        using var stop = cancellation.Register(() => won.TrySetCanceled(cancellation));
        try
        {
            return await won.Task;
        }
        catch (OperationCanceledException)
        {
            _seat.Change(s => s with { IsAble = false });
            throw;
        }
    }

    public ValueTask DisposeAsync() => _seats.ReturnAsync(_seat);

    private async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        lock (_gate)
        {
            _term = null;
        }

        (_pause, _pausedAt) = (pause, _time.GetTimestamp());
        await _seat.LeaveAsync(
            s => s with { State = UniqueSeatState.Standby, Since = null }, state.ToArray(), _options.HandOverTimeout);
    }

    private void Decided(UniqueVerdict verdict)
    {
        lock (_gate)
        {
            if (verdict.Kind == UniqueVerdictKind.Run && verdict.Term > _lastTerm && _term is null)
            {
                Start(verdict);
            }
            else if (verdict.Kind == UniqueVerdictKind.Stop && _term?.Number == verdict.Term)
            {
                _term.Lose(verdict.Reason);
            }
        }
    }

    private void Start(UniqueVerdict verdict)
    {
        var term = new SeatTerm(this, verdict.Term, verdict.State);
        if (_won?.TrySetResult(term) != true)
        {
            // It does not want to any more and has said so, or will in a moment.
            term.Dispose();
            return;
        }

        (_term, _lastTerm) = (term, verdict.Term);
        _seat.Change(s => s with
        {
            State = UniqueSeatState.Runs,
            IsAble = false,
            Term = verdict.Term,
            Since = _time.GetUtcNow(),
        });
    }

    private sealed class SeatTerm(SeatContest contest, long number, byte[] inherited) : IUniqueTerm
    {
        private readonly StopSignal _lost = new();

        public long Number => number;

        public long? Epoch => null;

        public ReadOnlyMemory<byte> Inherited { get; } = inherited;

        public bool IsCurrent => !_lost.IsRaised;

        public CancellationToken Lost => _lost.Token;

        public UniqueStopReason LostReason => _lost.Reason;

        // Nobody else waits for a term in this mode to run out.
        public TimeSpan StopProlonging() => TimeSpan.MaxValue;

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause) => contest.EndAsync(state, pause);

        public ValueTask AbandonAsync(TimeSpan pause) => contest.EndAsync(default, pause);

        public void Lose(UniqueStopReason reason) => _lost.Raise(reason);

        public void Dispose() => _lost.Dispose();
    }
}
