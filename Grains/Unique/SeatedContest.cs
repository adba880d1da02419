using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Consistent mode: a contest for a lease whose member has a seat, so that the grain knows who runs the process.</summary>
internal sealed class SeatedContest : IUniqueContest
{
    private readonly IUniqueContest _contest;
    private readonly Seat _seat;
    private readonly UniqueSeats _seats;
    private readonly TimeProvider _time;

    public SeatedContest(IUniqueContest contest, Seat seat, UniqueSeats seats, IServiceProvider services, TimeProvider time)
    {
        (_contest, _seat, _seats, _time) = (contest, seat, seats, time);
        seat.Decided = verdict =>
        {
            if (verdict is { Kind: UniqueVerdictKind.Stop, Reason: UniqueStopReason.HandedOver })
            {
                HandOver.Request(services, seat.Name);
            }
        };
        seat.Start();
    }

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        _seat.Change(s => s with { IsAble = true });
        var term = await _contest.WinAsync(cancellation);
        _seat.Change(s => s with
        {
            State = UniqueSeatState.Runs, IsAble = false, Epoch = term.Epoch, Since = _time.GetUtcNow(),
        });
        return new SeatedTerm(term, _seat);
    }

    public async ValueTask DisposeAsync()
    {
        await _contest.DisposeAsync();
        await _seats.ReturnAsync(_seat);
    }

    private sealed class SeatedTerm(IUniqueTerm term, Seat seat) : IUniqueTerm
    {
        public long? Epoch => term.Epoch;

        public ReadOnlyMemory<byte> Inherited => term.Inherited;

        public bool IsCurrent => term.IsCurrent;

        public CancellationToken Lost => term.Lost;

        public UniqueStopReason LostReason => term.LostReason;

        public TimeSpan StopProlonging() => term.StopProlonging();

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
        {
            StandBy();
            return term.EndAsync(state, pause);
        }

        public ValueTask AbandonAsync(TimeSpan pause)
        {
            StandBy();
            return term.AbandonAsync(pause);
        }

        public void Dispose() => term.Dispose();

        private void StandBy() =>
            seat.Change(s => s with { State = UniqueSeatState.Standby, Epoch = null, Since = null });
    }
}
