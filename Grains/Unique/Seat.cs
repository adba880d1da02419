using Microsoft.Extensions.Logging;

namespace Presence.Grains.Unique;

/// <summary>
/// This node's seat in one unique process. Reports its state to the grain on every change, on every notification and at
/// least every third of the lease, and passes on the grain's verdicts.
/// </summary>
/// <remarks>
/// A report without a response is repeated after a second, because a call can be lost while two silos connect. After a
/// third of the lease the grain may have removed the seat, so a later response would be ignored anyway.
/// </remarks>
internal sealed class Seat : IAsyncDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan MaxResponseTime = TimeSpan.FromSeconds(1);

    private readonly IUniqueElectionGrain _election;
    private readonly TimeSpan _period;
    private readonly TimeProvider _time;
    private readonly UniqueElectionInstruments _instruments;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _due = new(0);
    private readonly CancellationTokenSource _end = new();
    private UniqueSeat _report;
    private Task _attending = Task.CompletedTask;
    private int _isDue;
    private bool _isLeaving;
    private bool _hasFailed;

    public Seat(
        string name,
        UniqueSeat report,
        IUniqueElectionGrain election,
        TimeSpan lease,
        TimeProvider time,
        UniqueElectionInstruments instruments,
        ILogger log)
    {
        (Name, _report, _election, _period) = (name, report, election, lease / 3);
        (_time, _instruments, _log) = (time, instruments, log);
    }

    public string Name { get; }

    /// <summary>Gets or sets the handler of verdicts, called one at a time.</summary>
    public Action<UniqueVerdict>? OnVerdict { get; set; }

    /// <summary>Gets or sets the handler of the grain's notifications.</summary>
    public Action? OnNotified { get; set; }

    public void Start()
    {
        using (ExecutionContext.SuppressFlow())
        {
            _attending = Task.Run(AttendAsync);
        }
    }

    /// <summary>Returns the seat's state as a new report.</summary>
    public UniqueSeat NextReport()
    {
        lock (_gate)
        {
            return _report = _report with { Number = _report.Number + 1 };
        }
    }

    /// <summary>Changes the seat's state and reports it soon.</summary>
    public void Change(Func<UniqueSeat, UniqueSeat> change)
    {
        lock (_gate)
        {
            _report = change(_report);
        }

        Attend();
    }

    public void Call()
    {
        OnNotified?.Invoke();
        Attend();
    }

    /// <summary>Reports now instead of at the next interval.</summary>
    public void Attend()
    {
        if (Interlocked.Exchange(ref _isDue, 1) == 0)
        {
            _due.Release();
        }
    }

    /// <summary>Reports to the grain that a term has ended, and waits for a successor.</summary>
    public async Task LeaveAsync(Func<UniqueSeat, UniqueSeat> change, byte[] state, TimeSpan timeout)
    {
        lock (_gate)
        {
            // The handover state must arrive before the grain learns otherwise that there is no holder.
            _isLeaving = true;
            _report = change(_report);
        }

        await TryLeaveAsync(state, timeout);
        lock (_gate)
        {
            _isLeaving = false;
        }

        Attend();
    }

    private async Task TryLeaveAsync(byte[] state, TimeSpan successorTimeout)
    {
        using var timeout = new CancellationTokenSource(successorTimeout + TimeSpan.FromSeconds(1), _time);
        while (!timeout.IsCancellationRequested)
        {
            try
            {
                await _election.Leave(NextReport(), state, successorTimeout).WaitAsync(timeout.Token);
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // If every attempt fails, the handover state is lost; the next report says that the term has ended.
                Failed(e);
                await Task.Delay(RetryDelay, _time, timeout.Token).ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _attending;
        await LeaveAsync(s => s with { State = UniqueSeatState.Gone, IsAble = false }, [], TimeSpan.Zero);
        _end.Dispose();
    }

    private async Task AttendAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            Volatile.Write(ref _isDue, 0);
            var wait = await TryAttendAsync() ? _period : RetryDelay;
            using var timer = _time.CreateTimer(
                static seat => ((Seat)seat!).Attend(), this, wait, Timeout.InfiniteTimeSpan);
            await _due.WaitAsync(_end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryAttendAsync()
    {
        UniqueSeat report;
        lock (_gate)
        {
            if (_isLeaving)
            {
                return true;
            }

            report = NextReport();
        }

        try
        {
            var timeout = _period < MaxResponseTime ? _period : MaxResponseTime;
            var verdict = await _election.Attend(report).WaitAsync(timeout, _time, _end.Token);
            _hasFailed = false;
            OnVerdict?.Invoke(verdict);
            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            if (!_end.IsCancellationRequested)
            {
                Failed(e);
            }

            return false;
        }
    }

    private void Failed(Exception e)
    {
        _instruments.Failed();
        if (!_hasFailed)
        {
            _hasFailed = true;
            _log.ReportFailed(Name, e);
        }
    }
}
