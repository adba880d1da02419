using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Consistent mode: a lease candidate with a seat, so that the grain knows who runs the process.</summary>
internal sealed class SeatedCandidate : ICandidate
{
    private readonly ICandidate _candidate;
    private readonly Seat _seat;
    private readonly UniqueSeats _seats;
    private readonly TimeProvider _time;

    private SeatedLeadership? _leadership;

    public SeatedCandidate(ICandidate candidate, Seat seat, UniqueSeats seats, TimeProvider time)
    {
        (_candidate, _seat, _seats, _time) = (candidate, seat, seats, time);
        seat.OnVerdict = OnVerdict;
        seat.Start();
    }

    public async ValueTask<ILeadership> AcquireAsync(CancellationToken cancellation)
    {
        _seat.Change(s => s with { IsAble = true });
        var leadership = await _candidate.AcquireAsync(cancellation);
        _seat.Change(s => s with
        {
            State = UniqueSeatState.Runs,
            IsAble = false,
            Epoch = leadership.Epoch,
            Since = _time.GetUtcNow(),
        });
        var seated = new SeatedLeadership(leadership, _seat);
        Volatile.Write(ref _leadership, seated);
        return seated;
    }

    public async ValueTask DisposeAsync()
    {
        await _candidate.DisposeAsync();
        await _seats.RemoveAsync(_seat);
    }

    private void OnVerdict(UniqueVerdict verdict)
    {
        if (verdict.Kind == UniqueVerdictKind.Stop
            && Volatile.Read(ref _leadership) is { } leadership && leadership.Epoch == verdict.Term)
        {
            leadership.Stop(verdict.Reason);
        }
    }

    /// <summary>A term that ends with its lease, or when the grain ends it.</summary>
    private sealed class SeatedLeadership : ILeadership
    {
        private readonly ILeadership _leadership;
        private readonly Seat _seat;
        private readonly ShutdownSignal _stop = new();
        private readonly CancellationTokenSource _linked;

        public SeatedLeadership(ILeadership leadership, Seat seat)
        {
            (_leadership, _seat) = (leadership, seat);
            _linked = CancellationTokenSource.CreateLinkedTokenSource(leadership.LostToken, _stop.Token);
            LostToken = _linked.Token;
        }

        public long? Epoch => _leadership.Epoch;

        public ReadOnlyMemory<byte> HandoverState => _leadership.HandoverState;

        public bool IsHeld => _leadership.IsHeld;

        public CancellationToken LostToken { get; }

        public UniqueStopReason LossReason =>
            _leadership.LostToken.IsCancellationRequested ? _leadership.LossReason : _stop.Reason;

        public TimeSpan StopRenewing() => _leadership.StopRenewing();

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
        {
            StandBy();
            return _leadership.EndAsync(state, pause);
        }

        public ValueTask AbandonAsync(TimeSpan pause)
        {
            StandBy();
            return _leadership.AbandonAsync(pause);
        }

        public void Stop(UniqueStopReason reason) => _stop.Raise(reason);

        public void Dispose()
        {
            _linked.Dispose();
            _stop.Dispose();
            _leadership.Dispose();
        }

        private void StandBy() =>
            _seat.Change(s => s with { State = UniqueSeatState.Standby, Epoch = null, Since = null });
    }
}
