using Microsoft.Extensions.Logging;

namespace Presence.Grains.Unique;

/// <summary>
/// This member's part in one unique process: says to the grain how it is, whenever that changes, whenever it is called, and at
/// least every third of the lease; and passes on what the grain says to it.
/// </summary>
/// <remarks>An answer that took longer than a third of the lease is void: the grain may have given the seat up meanwhile.</remarks>
internal sealed class Seat : IAsyncDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly IUniqueElectionGrain _arbiter;
    private readonly TimeSpan _period;
    private readonly TimeProvider _time;
    private readonly UniqueArbitrationInstruments _instruments;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _due = new(0);
    private readonly CancellationTokenSource _end = new();
    private UniqueSeat _shown;
    private Task _attending = Task.CompletedTask;
    private int _isDue;
    private bool _isLeaving;
    private bool _hasFailed;

    public Seat(
        string name,
        UniqueSeat shown,
        IUniqueElectionGrain arbiter,
        TimeSpan lease,
        TimeProvider time,
        UniqueArbitrationInstruments instruments,
        ILogger log)
    {
        (Name, _shown, _arbiter, _period) = (name, shown, arbiter, lease / 3);
        (_time, _instruments, _log) = (time, instruments, log);
    }

    public string Name { get; }

    /// <summary>What the grain says; from one caller at a time.</summary>
    public Action<UniqueVerdict>? Decided { get; set; }

    /// <summary>The grain has called: something has changed.</summary>
    public Action? Called { get; set; }

    public void Start()
    {
        using (ExecutionContext.SuppressFlow())
        {
            _attending = Task.Run(AttendAsync);
        }
    }

    /// <summary>How this seat is, as something new to say.</summary>
    public UniqueSeat Show()
    {
        lock (_gate)
        {
            return _shown = _shown with { Number = _shown.Number + 1 };
        }
    }

    /// <summary>Changes how this seat is and has it said soon.</summary>
    public void Change(Func<UniqueSeat, UniqueSeat> change)
    {
        lock (_gate)
        {
            _shown = change(_shown);
        }

        Attend();
    }

    public void Call()
    {
        Called?.Invoke();
        Attend();
    }

    /// <summary>Attends now instead of when it is due.</summary>
    public void Attend()
    {
        if (Interlocked.Exchange(ref _isDue, 1) == 0)
        {
            _due.Release();
        }
    }

    /// <summary>Tells the grain that a term has ended, and waits for a successor.</summary>
    public async Task LeaveAsync(Func<UniqueSeat, UniqueSeat> change, byte[] state, TimeSpan patience)
    {
        lock (_gate)
        {
            // What is left must arrive before the grain hears in another way that the place is vacant.
            _isLeaving = true;
            _shown = change(_shown);
        }

        await TryLeaveAsync(state, patience);
        lock (_gate)
        {
            _isLeaving = false;
        }

        Attend();
    }

    private async Task TryLeaveAsync(byte[] state, TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience + TimeSpan.FromSeconds(1), _time);
        while (!timeout.IsCancellationRequested)
        {
            try
            {
                await _arbiter.Leave(Show(), state, patience).WaitAsync(timeout.Token);
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // What was left is lost if no try succeeds; that the term is over is said when the seat attends next.
                Failed(e);
                await Task.Delay(RetryDelay, _time, timeout.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
            using var timer = _time.CreateTimer(static seat => ((Seat)seat!).Attend(), this, wait, Timeout.InfiniteTimeSpan);
            await _due.WaitAsync(_end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryAttendAsync()
    {
        UniqueSeat shown;
        lock (_gate)
        {
            if (_isLeaving)
            {
                return true;
            }

            shown = Show();
        }

        try
        {
            var verdict = await _arbiter.Attend(shown).WaitAsync(_period, _time, _end.Token);
            _hasFailed = false;
            Decided?.Invoke(verdict);
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
            _log.NotHeard(Name, e);
        }
    }
}
