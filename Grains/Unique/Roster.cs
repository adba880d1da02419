using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>
/// The state machine of one unique process's election: its seats, its holder and who is next, from the seats' reports.
/// Performs no I/O.
/// </summary>
/// <remarks>
/// <para>Grants no term before every silo has reported or timed out, because a new roster may start beside a holder. Of
/// two holders after a network partition, the one with the older term stays, because moving it costs most.</para>
/// <para>In consistent mode the lease decides who runs; the roster only records it.</para>
/// </remarks>
internal sealed class Roster
{
    public const int MaxSeats = 10_000;

    private readonly TimeSpan _lease;
    private readonly TimeSpan _began;
    private readonly HashSet<string> _unanswered;
    private readonly Dictionary<string, Entry> _seats = new(StringComparer.Ordinal);
    private readonly List<UniqueSeat> _calls = [];
    private long _lastOrder;
    private string? _holder;
    private long _term;
    private long _highest;
    private TimeSpan _granted;
    private TimeSpan _notBefore;
    private byte[] _handoverState = [];
    private bool _isHandingOver;

    /// <param name="silos">The silos that must report first.</param>
    /// <param name="lease">How long a seat remains without a report.</param>
    /// <param name="now">Monotonic time.</param>
    public Roster(IEnumerable<string> silos, TimeSpan lease, TimeSpan now)
    {
        _unanswered = new HashSet<string>(silos, StringComparer.Ordinal);
        _lease = lease;
        _began = now;
    }

    /// <summary>Gets when to call <see cref="Step"/> again if nothing happens before.</summary>
    public TimeSpan NextStep { get; private set; } = TimeSpan.MaxValue;

    /// <summary>Gets the number of times that two nodes were found running at once.</summary>
    public int Conflicts { get; private set; }

    /// <summary>Gets the number of granted terms.</summary>
    public int Grants { get; private set; }

    /// <summary>Gets whether a term was granted to a seat that has not reported yet that it runs.</summary>
    public bool AwaitsHolder => Holder is { } holder && !IsRunning(holder);

    private Entry? Holder => _holder is { } id ? _seats[id] : null;

    private TimeSpan Timeout => _seats.Count == 0 ? TimeSpan.Zero : _seats.Values.Max(e => e.Seat.AgreementTimeout);

    /// <summary>Handles a report of a seat.</summary>
    /// <exception cref="ArgumentException">Its mode differs from that of the other seats.</exception>
    /// <exception cref="PresenceOverloadException">The maximum number of seats is reached.</exception>
    public void OnReport(UniqueSeat seat, TimeSpan now)
    {
        _unanswered.Remove(seat.Silo);
        if (_seats.TryGetValue(seat.Id, out var known) && known.Seat.Number >= seat.Number)
        {
            return;
        }

        if (seat.State == UniqueSeatState.Gone)
        {
            Remove(seat.Id, now, TimeSpan.Zero);
            return;
        }

        if (known is null)
        {
            CheckAdmission(seat);
        }

        _highest = Math.Max(_highest, seat.Term);
        _seats[seat.Id] = new Entry(seat, now, known?.Order ?? ++_lastOrder);
        if (seat.State == UniqueSeatState.Runs)
        {
            OnRunning(_seats[seat.Id], now);
        }
        else if (_holder == seat.Id
            && (seat.Mode == UniqueProcessMode.Consistent || seat.Term >= _term || !seat.IsAble))
        {
            // Its term has ended without a leave call, or it did not start.
            ClearHolder(now);
        }
    }

    /// <summary>Returns whether a silo has a seat here.</summary>
    public bool HasSeatOf(string silo) =>
        _seats.Values.Any(e => string.Equals(e.Seat.Silo, silo, StringComparison.Ordinal));

    /// <summary>Handles the response that a silo has no seat.</summary>
    public void OnNoSeat(string silo) => _unanswered.Remove(silo);

    /// <summary>Handles the death of a silo and its seats.</summary>
    public void OnSiloRemoved(string silo, TimeSpan now)
    {
        _unanswered.Remove(silo);
        foreach (var entry in _seats.Values.Where(e => e.Seat.Silo == silo).ToList())
        {
            Remove(entry.Seat.Id, now, entry.Seat.TakeoverDelay);
        }
    }

    /// <summary>Handles the end of a seat's term, with the state for the successor.</summary>
    public void OnLeft(UniqueSeat seat, byte[] state, TimeSpan now)
    {
        var wasHolder = _holder is null ? seat.Term >= _highest : _holder == seat.Id && seat.Term >= _term;
        OnReport(seat, now);
        if (wasHolder && _holder is null && seat.State != UniqueSeatState.Gone)
        {
            _handoverState = state;
        }
    }

    /// <summary>Requests the holder to stop; returns false if no node runs the process.</summary>
    public bool HandOver()
    {
        if (Holder is not { } holder || !IsRunning(holder))
        {
            return false;
        }

        _isHandingOver = true;
        _calls.Add(holder.Seat);
        return true;
    }

    /// <summary>Removes seats that have not reported in time, and grants the next term if there is no holder.</summary>
    public void Step(TimeSpan now)
    {
        NextStep = TimeSpan.MaxValue;
        foreach (var entry in _seats.Values.ToList())
        {
            if (now >= entry.ReportedAt + _lease)
            {
                Remove(entry.Seat.Id, now, entry.Seat.TakeoverDelay);
            }
            else
            {
                ScheduleStep(entry.ReportedAt + _lease);
            }
        }

        if (Holder is { } holder && !IsRunning(holder))
        {
            if (now < _granted + Timeout)
            {
                ScheduleStep(_granted + Timeout);
                return;
            }

            // If it starts nevertheless, two run for a moment and the older term stays.
            _seats[holder.Seat.Id] = holder with { Order = ++_lastOrder };
            ClearHolder(now);
        }

        GrantNext(now);
    }

    /// <summary>Returns what a seat has to do.</summary>
    public UniqueVerdict VerdictFor(string id)
    {
        if (!_seats.TryGetValue(id, out var entry))
        {
            return Verdict(UniqueVerdictKind.Stay, 0);
        }

        var runs = entry.Seat.State == UniqueSeatState.Runs;
        return id == _holder && runs && _isHandingOver
            ? Verdict(UniqueVerdictKind.Stop, entry.Seat.Epoch ?? _term, UniqueStopReason.HandedOver)
            : entry.Seat.Mode == UniqueProcessMode.Consistent ? Verdict(UniqueVerdictKind.Stay, 0)
            : id == _holder ? new UniqueVerdict(UniqueVerdictKind.Run, _term, default, _handoverState)
            : runs ? Verdict(UniqueVerdictKind.Stop, entry.Seat.Term, UniqueStopReason.NameConflict)
            : Verdict(UniqueVerdictKind.Stay, 0);
    }

    /// <summary>Returns the seats to notify, each once.</summary>
    public IReadOnlyList<UniqueSeat> DequeueCalls()
    {
        UniqueSeat[] calls = [.. _calls.DistinctBy(s => s.Id)];
        _calls.Clear();
        return calls;
    }

    /// <summary>Returns the standby seats.</summary>
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

    /// <summary>Returns which of two running seats takes precedence: the older term, or the newer lease.</summary>
    private static bool IsBefore(UniqueSeat a, UniqueSeat b) => a.Mode == UniqueProcessMode.Consistent
        ? a.Epoch > b.Epoch
        : (a.Term, a.Since, a.Id).CompareTo((b.Term, b.Since, b.Id)) < 0;

    private void CheckAdmission(UniqueSeat seat)
    {
        if (_seats.Count >= MaxSeats)
        {
            throw new PresenceOverloadException($"A unique process has at most {MaxSeats} seats.");
        }

        // All seats have the same mode, so comparing with any of them is enough.
        if (_seats.Values.FirstOrDefault() is { } other && other.Seat.Mode != seat.Mode)
        {
            throw new ArgumentException(
                $"The mode on node {seat.Node} is {seat.Mode}, and on {other.Seat.Node} {other.Seat.Mode}: "
                + "it must be the same on all nodes.");
        }
    }

    /// <summary>Handles a running seat: the holder, one that was unknown, or a duplicate.</summary>
    private void OnRunning(Entry runner, TimeSpan now)
    {
        if (_holder == runner.Seat.Id)
        {
            if (runner.Seat.Term >= _term)
            {
                (_term, _handoverState) = (runner.Seat.Term, []);
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

        SetHolder(runner.Seat.Id, runner.Seat.Term, now);
        _handoverState = [];
    }

    private void GrantNext(TimeSpan now)
    {
        if (_holder is not null || !_seats.Values.Any(e => e.Seat.Mode == UniqueProcessMode.Available))
        {
            return;
        }

        var next = _seats.Values.Where(e => e.Seat is { State: UniqueSeatState.Standby, IsAble: true })
            .MinBy(e => e.Order);
        if (next is null)
        {
            return;
        }

        var from = Later(_notBefore, _began + (_handoverState.Length > 0 ? TimeSpan.Zero : next.Seat.SettleTime));
        from = _unanswered.Count == 0 ? from : Later(from, _began + Timeout);
        if (now < from)
        {
            ScheduleStep(from);
            return;
        }

        SetHolder(next.Seat.Id, _highest + 1, now);
        Grants++;
        ScheduleStep(now + Timeout);
        _calls.Add(next.Seat);
    }

    private void SetHolder(string id, long term, TimeSpan now)
    {
        _isHandingOver = false;
        (_holder, _term, _granted) = (id, term, now);
        _highest = Math.Max(_highest, term);
    }

    private void ClearHolder(TimeSpan now, TimeSpan delay = default)
    {
        _holder = null;
        _isHandingOver = false;
        _notBefore = Later(_notBefore, now + delay);
    }

    private void Remove(string id, TimeSpan now, TimeSpan delay)
    {
        if (_seats.Remove(id) && _holder == id)
        {
            ClearHolder(now, delay);
        }
    }

    private void ScheduleStep(TimeSpan at) => NextStep = at < NextStep ? at : NextStep;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;

    /// <summary>A seat, its last report, and its order among the candidates.</summary>
    private sealed record Entry(UniqueSeat Seat, TimeSpan ReportedAt, long Order);
}
