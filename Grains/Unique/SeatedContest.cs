using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Consistent mode: a contest for a lease whose member has a seat, so that the grain knows who runs the process.</summary>
internal sealed class SeatedContest : IUniqueContest
{
    private readonly IUniqueContest _contest;
    private readonly Seat _seat;
    private readonly UniqueSeats _seats;
    private readonly TimeProvider _time;

    private SeatedTerm? _term;

    public SeatedContest(IUniqueContest contest, Seat seat, UniqueSeats seats, TimeProvider time)
    {
        (_contest, _seat, _seats, _time) = (contest, seat, seats, time);
        seat.Decided = Decided;
        seat.Start();
    }

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        _seat.Change(s => s with { IsAble = true });
        var term = await _contest.WinAsync(cancellation);
        _seat.Change(s => s with
        {
            State = UniqueSeatState.Runs,
            IsAble = false,
            Epoch = term.Epoch,
            Since = _time.GetUtcNow(),
        });
        var seated = new SeatedTerm(term, _seat);
        Volatile.Write(ref _term, seated);
        return seated;
    }

    public async ValueTask DisposeAsync()
    {
        await _contest.DisposeAsync();
        await _seats.ReturnAsync(_seat);
    }

    private void Decided(UniqueVerdict verdict)
    {
        if (verdict.Kind == UniqueVerdictKind.Stop && Volatile.Read(ref _term) is { } term && term.Epoch == verdict.Term)
        {
            term.Stop(verdict.Reason);
        }
    }

    /// <summary>A term that ends with its lease, or when the grain says so.</summary>
    private sealed class SeatedTerm : IUniqueTerm
    {
        private readonly IUniqueTerm _term;
        private readonly Seat _seat;
        private readonly StopSignal _stop = new();
        private readonly CancellationTokenSource _either;

        public SeatedTerm(IUniqueTerm term, Seat seat)
        {
            (_term, _seat) = (term, seat);
            _either = CancellationTokenSource.CreateLinkedTokenSource(term.Lost, _stop.Token);
            Lost = _either.Token;
        }

        public long? Epoch => _term.Epoch;

        public ReadOnlyMemory<byte> Inherited => _term.Inherited;

        public bool IsCurrent => _term.IsCurrent;

        public CancellationToken Lost { get; }

        public UniqueStopReason LostReason => _term.Lost.IsCancellationRequested ? _term.LostReason : _stop.Reason;

        public TimeSpan StopProlonging() => _term.StopProlonging();

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
        {
            StandBy();
            return _term.EndAsync(state, pause);
        }

        public ValueTask AbandonAsync(TimeSpan pause)
        {
            StandBy();
            return _term.AbandonAsync(pause);
        }

        public void Stop(UniqueStopReason reason) => _stop.Raise(reason);

        public void Dispose()
        {
            _either.Dispose();
            _stop.Dispose();
            _term.Dispose();
        }

        private void StandBy() =>
            _seat.Change(s => s with { State = UniqueSeatState.Standby, Epoch = null, Since = null });
    }
}
