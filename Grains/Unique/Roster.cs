using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>
/// Who takes part in one unique process, who runs it and who is next: decides by what the seats say. Neither waits nor sends.
/// </summary>
/// <remarks>
/// <para>Nothing is granted before every silo was asked who runs it, or was given up: a roster begins knowing nothing, possibly beside
/// a holder. Of two that run after a split, the one with the older term stays, because moving it costs most.</para>
/// <para>In consistent mode the lease decides who runs; the roster only knows it.</para>
/// </remarks>
internal sealed class Roster
{
    public const int MaxSeats = 10_000;

    private readonly TimeSpan _lease;
    private readonly TimeSpan _began;
    private readonly HashSet<string> _unasked;
    private readonly Dictionary<string, Entry> _seats = new(StringComparer.Ordinal);
    private readonly List<UniqueSeat> _calls = [];
    private long _entered;
    private string? _holder;
    private long _term;
    private long _highest;
    private TimeSpan _granted;
    private TimeSpan _notBefore;
    private byte[] _left = [];
    private bool _isToHandOver;

    /// <param name="silos">Those that must be asked first.</param>
    /// <param name="lease">How long a seat counts after it was heard.</param>
    /// <param name="now">Monotonic time.</param>
    public Roster(IEnumerable<string> silos, TimeSpan lease, TimeSpan now)
    {
        _unasked = new HashSet<string>(silos, StringComparer.Ordinal);
        _lease = lease;
        _began = now;
    }

    /// <summary>When to step again if nothing happens before.</summary>
    public TimeSpan NextStep { get; private set; } = TimeSpan.MaxValue;

    /// <summary>Conflicts found so far: two ran at once.</summary>
    public int Conflicts { get; private set; }

    /// <summary>Terms granted so far.</summary>
    public int Grants { get; private set; }

    /// <summary>Whether somebody was granted the place who has not said yet that it runs.</summary>
    public bool AwaitsHolder => Holder is { } holder && !IsRunning(holder);

    private Entry? Holder => _holder is { } id ? _seats[id] : null;

    private TimeSpan Patience => _seats.Count == 0 ? TimeSpan.Zero : _seats.Values.Max(e => e.Seat.AgreementTimeout);

    /// <summary>A seat said how it is.</summary>
    /// <exception cref="ArgumentException">Its mode is not that of the others.</exception>
    /// <exception cref="PresenceOverloadException">There are too many.</exception>
    public void Heard(UniqueSeat seat, TimeSpan now)
    {
        _unasked.Remove(seat.Silo);
        if (_seats.TryGetValue(seat.Id, out var known) && known.Seat.Number >= seat.Number)
        {
            return;
        }

        if (seat.State == UniqueSeatState.Gone)
        {
            Forget(seat.Id, now, TimeSpan.Zero);
            return;
        }

        if (known is null)
        {
            Admit(seat);
        }

        _highest = Math.Max(_highest, seat.Term);
        _seats[seat.Id] = new Entry(seat, now, known?.Order ?? ++_entered);
        if (seat.State == UniqueSeatState.Runs)
        {
            Defend(_seats[seat.Id], now);
        }
        else if (_holder == seat.Id && (seat.Mode == UniqueProcessMode.Consistent || seat.Term >= _term || !seat.IsAble))
        {
            // It has ended, though nobody heard it leave; or it would not start.
            Vacate(now);
        }
    }

    /// <summary>A silo answered that it has no seat, or will not answer any more.</summary>
    public void Asked(string silo) => _unasked.Remove(silo);

    /// <summary>A silo is over and its seats with it.</summary>
    public void SiloGone(string silo, TimeSpan now)
    {
        _unasked.Remove(silo);
        foreach (var entry in _seats.Values.Where(e => e.Seat.Silo == silo).ToList())
        {
            Forget(entry.Seat.Id, now, entry.Seat.TakeoverDelay);
        }
    }

    /// <summary>A seat has ended its term and leaves a state.</summary>
    public void Left(UniqueSeat seat, byte[] state, TimeSpan now)
    {
        var wasHolder = _holder is null ? seat.Term >= _highest : _holder == seat.Id && seat.Term >= _term;
        Heard(seat, now);
        if (wasHolder && _holder is null)
        {
            _left = state;
        }
    }

    /// <summary>Whoever runs it shall stop; false if nobody does.</summary>
    public bool HandOver()
    {
        if (Holder is not { } holder || !IsRunning(holder))
        {
            return false;
        }

        _isToHandOver = true;
        _calls.Add(holder.Seat);
        return true;
    }

    /// <summary>Lets go of who was not heard, and fills the place if it is vacant.</summary>
    public void Step(TimeSpan now)
    {
        NextStep = TimeSpan.MaxValue;
        foreach (var entry in _seats.Values.ToList())
        {
            if (now >= entry.HeardAt + _lease)
            {
                Forget(entry.Seat.Id, now, entry.Seat.TakeoverDelay);
            }
            else
            {
                Due(entry.HeardAt + _lease);
            }
        }

        if (Holder is { } holder && !IsRunning(holder))
        {
            if (now < _granted + Patience)
            {
                Due(_granted + Patience);
                return;
            }

            // It may be about to start all the same; then two run for a moment, and the older term stays.
            _seats[holder.Seat.Id] = holder with { Order = ++_entered };
            Vacate(now);
        }

        Fill(now);
    }

    /// <summary>What a seat is to do.</summary>
    public UniqueVerdict VerdictFor(string id)
    {
        if (!_seats.TryGetValue(id, out var entry))
        {
            return Verdict(UniqueVerdictKind.Stay, 0);
        }

        var runs = entry.Seat.State == UniqueSeatState.Runs;
        return id == _holder && runs && _isToHandOver ? Verdict(UniqueVerdictKind.Stop, entry.Seat.Epoch ?? _term, UniqueStopReason.HandedOver)
            : entry.Seat.Mode == UniqueProcessMode.Consistent ? Verdict(UniqueVerdictKind.Stay, 0)
            : id == _holder ? new UniqueVerdict(UniqueVerdictKind.Run, _term, default, _left)
            : runs ? Verdict(UniqueVerdictKind.Stop, entry.Seat.Term, UniqueStopReason.NameConflict)
            : Verdict(UniqueVerdictKind.Stay, 0);
    }

    /// <summary>The seats that should attend now, each told once.</summary>
    public IReadOnlyList<UniqueSeat> TakeCalls()
    {
        UniqueSeat[] calls = [.. _calls.DistinctBy(s => s.Id)];
        _calls.Clear();
        return calls;
    }

    /// <summary>All that stand by.</summary>
    public IReadOnlyList<UniqueSeat> Standbys() =>
        [.. _seats.Values.Where(e => !IsRunning(e)).Select(e => e.Seat).OrderBy(s => s.Node, StringComparer.Ordinal)];

    public UniqueProcessStatus? Status(string name)
    {
        if (_seats.Count == 0)
        {
            return null;
        }

        var holder = Holder is { } entry && IsRunning(entry) ? entry.Seat : null;
        return new UniqueProcessStatus(
            name,
            _seats.Values.First().Seat.Mode,
            holder?.Node,
            holder?.Since,
            holder?.Epoch,
            [.. Standbys().Select(s => s.Node)]);
    }

    private static bool IsRunning(Entry entry) => entry.Seat.State == UniqueSeatState.Runs;

    private static UniqueVerdict Verdict(UniqueVerdictKind kind, long term, UniqueStopReason reason = default) =>
        new(kind, term, reason, []);

    /// <summary>Which of two that run is the one that counts: the older term, or the newer lease.</summary>
    private static bool IsBefore(UniqueSeat a, UniqueSeat b) => a.Mode == UniqueProcessMode.Consistent
        ? a.Epoch > b.Epoch
        : (a.Term, a.Since, a.Id).CompareTo((b.Term, b.Since, b.Id)) < 0;

    private void Admit(UniqueSeat seat)
    {
        if (_seats.Count >= MaxSeats)
        {
            throw new PresenceOverloadException($"A unique process has at most {MaxSeats} seats; another is refused.");
        }

        // All that are seated have one mode, so that any of them will do.
        if (_seats.Values.FirstOrDefault() is { } other && other.Seat.Mode != seat.Mode)
        {
            throw new ArgumentException(
                $"Member {seat.Node} has this unique process in mode {seat.Mode}, and {other.Seat.Node} in mode {other.Seat.Mode}: "
                + "it must be the same on all members.");
        }
    }

    /// <summary>Somebody runs it: the holder, or one that the roster did not know of, or one too many.</summary>
    private void Defend(Entry runner, TimeSpan now)
    {
        if (_holder == runner.Seat.Id)
        {
            if (runner.Seat.Term >= _term)
            {
                (_term, _left) = (runner.Seat.Term, []);
            }

            return;
        }

        if (Holder is { } holder && IsRunning(holder))
        {
            Conflicts += runner.Seat.Mode == UniqueProcessMode.Available ? 1 : 0;
            if (!IsBefore(runner.Seat, holder.Seat))
            {
                _calls.Add(runner.Seat);
                return;
            }

            _calls.Add(holder.Seat);
        }

        Seat(runner.Seat.Id, runner.Seat.Term, now);
        _left = [];
    }

    private void Fill(TimeSpan now)
    {
        if (_holder is not null || !_seats.Values.Any(e => e.Seat.Mode == UniqueProcessMode.Available))
        {
            return;
        }

        var next = _seats.Values.Where(e => e.Seat is { State: UniqueSeatState.Standby, IsAble: true }).MinBy(e => e.Order);
        if (next is null)
        {
            return;
        }

        var from = Later(_notBefore, _began + (_left.Length > 0 ? TimeSpan.Zero : next.Seat.SettleTime));
        from = _unasked.Count == 0 ? from : Later(from, _began + Patience);
        if (now < from)
        {
            Due(from);
            return;
        }

        Seat(next.Seat.Id, _highest + 1, now);
        Grants++;
        Due(now + Patience);
        _calls.Add(next.Seat);
    }

    private void Seat(string id, long term, TimeSpan now)
    {
        _isToHandOver = false;
        (_holder, _term, _granted) = (id, term, now);
        _highest = Math.Max(_highest, term);
    }

    private void Vacate(TimeSpan now, TimeSpan delay = default)
    {
        _holder = null;
        _isToHandOver = false;
        _notBefore = Later(_notBefore, now + delay);
    }

    private void Forget(string id, TimeSpan now, TimeSpan delay)
    {
        if (_seats.Remove(id) && _holder == id)
        {
            Vacate(now, delay);
        }
    }

    private void Due(TimeSpan at) => NextStep = at < NextStep ? at : NextStep;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;

    /// <summary>A seat, when it was heard last, and its place in the line.</summary>
    private sealed record Entry(UniqueSeat Seat, TimeSpan HeardAt, long Order);
}
