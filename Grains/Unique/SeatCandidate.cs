using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Available mode: waits until the grain grants a term, and holds it until the grain ends it.</summary>
internal sealed class SeatCandidate : ICandidate
{
    private readonly Seat _seat;
    private readonly UniqueSeats _seats;
    private readonly UniqueProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private TaskCompletionSource<ILeadership>? _acquired;
    private SeatLeadership? _leadership;
    private TimeSpan _pause;
    private long _pausedAt;
    private long _lastTerm;

    public SeatCandidate(Seat seat, UniqueSeats seats, UniqueProcessOptions options, TimeProvider time)
    {
        (_seat, _seats, _options, _time) = (seat, seats, options, time);
        seat.OnVerdict = OnVerdict;
        seat.Start();
    }

    public async ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation)
    {
        var pause = _pause - _time.GetElapsedTime(_pausedAt);
        await Task.Delay(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, _time, cancellation);
        var acquired = new TaskCompletionSource<ILeadership>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            _acquired = acquired;
        }

        _seat.Change(s => s with { IsAble = true });
        using var stop = cancellation.Register(() => acquired.TrySetCanceled(cancellation));
        try
        {
            return await acquired.Task;
        }
        catch (OperationCanceledException)
        {
            _seat.Change(s => s with { IsAble = false });
            throw;
        }
    }

    public ValueTask DisposeAsync() => _seats.RemoveAsync(_seat);

    private async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        lock (_gate)
        {
            _leadership = null;
        }

        (_pause, _pausedAt) = (pause, _time.GetTimestamp());
        await _seat.LeaveAsync(
            s => s with { State = UniqueSeatState.Standby, Since = null }, state.ToArray(), _options.HandOverTimeout);
    }

    private void OnVerdict(UniqueVerdict verdict)
    {
        lock (_gate)
        {
            if (verdict.Kind == UniqueVerdictKind.Run && verdict.Term > _lastTerm && _leadership is null)
            {
                Start(verdict);
            }
            else if (verdict.Kind == UniqueVerdictKind.Stop && _leadership?.Number == verdict.Term)
            {
                _leadership.SetLost(verdict.Reason);
            }
        }
    }

    private void Start(UniqueVerdict verdict)
    {
        var leadership = new SeatLeadership(this, verdict.Term, verdict.State);
        if (_acquired?.TrySetResult(leadership) != true)
        {
            // The candidate stopped waiting and has reported that, or will in a moment.
            leadership.Dispose();
            return;
        }

        (_leadership, _lastTerm) = (leadership, verdict.Term);
        _seat.Change(s => s with
        {
            State = UniqueSeatState.Runs,
            IsAble = false,
            Term = verdict.Term,
            Since = _time.GetUtcNow(),
        });
    }

    private sealed class SeatLeadership(SeatCandidate candidate, long number, byte[] handoverState) : ILeadership
    {
        private readonly ShutdownSignal _lost = new();

        public long Number => number;

        public long? Epoch => null;

        public ReadOnlyMemory<byte> HandoverState { get; } = handoverState;

        public bool IsHeld => !_lost.IsRaised;

        public CancellationToken LostToken => _lost.Token;

        public UniqueStopReason LossReason => _lost.Reason;

        // A term has no expiry in this mode.
        public TimeSpan StopRenewing() => TimeSpan.MaxValue;

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause) => candidate.EndAsync(state, pause);

        public ValueTask AbandonAsync(TimeSpan pause) => candidate.EndAsync(default, pause);

        public void SetLost(UniqueStopReason reason) => _lost.Raise(reason);

        public void Dispose() => _lost.Dispose();
    }
}
