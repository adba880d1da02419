using Presence.Tracker;

namespace Presence.Node;

/// <summary>One member's part in the contest for a name: runs the <see cref="ClaimMachine"/> at every change of the board.</summary>
internal sealed class ClaimContest : IUniqueContest
{
    private readonly ClaimBoard _board;
    private readonly string _name;
    private readonly string _by;
    private readonly UniqueProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly ClaimMachine _machine;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _end = new();
    private TaskCompletionSource<IUniqueTerm> _won = NewWon();
    private TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClaimTerm? _term;
    private TopicSubscription? _subscription;
    private Task _running = Task.CompletedTask;
    private int _isSignalled;
    private int _isHolderLost;

    public ClaimContest(ClaimBoard board, string name, string by, UniqueProcessOptions options, TimeProvider time)
    {
        _board = board;
        _name = name;
        _by = by;
        _options = options;
        _time = time;
        _machine = new ClaimMachine(name, board.NodeName, by, options, Now);
    }

    private TimeSpan Now => TimeSpan.FromTicks((long)(_time.GetTimestamp() * ((double)TimeSpan.TicksPerSecond / _time.TimestampFrequency)));

    public async ValueTask StartAsync()
    {
        await _board.SayAsync(_machine.Own).ConfigureAwait(false);
        _subscription = _board.Tracker.Subscribe(_name, Changed);
        _running = Task.Run(RunAsync);
    }

    public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
    {
        Signal();
        return await _won.Task.WaitAsync(cancellation).ConfigureAwait(false);
    }

    /// <summary>The process has ended.</summary>
    public async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        Task? taken = null;
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_machine.Own.State == ClaimState.Run && !state.IsEmpty && _machine.Leave(_board.Others(_by), state.ToArray()))
            {
                _taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                taken = _taken.Task;
                await TrySayAsync().ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }

        if (taken is not null)
        {
            await Task.WhenAny(taken, Task.Delay(_options.HandOverTimeout, _time)).ConfigureAwait(false);
        }

        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            _machine.StandBy(Now, pause);
            _term = null;
            _won = NewWon();
            await TrySayAsync().ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }

        Signal();
    }

    public async ValueTask DisposeAsync()
    {
        _subscription?.Dispose();
        await _end.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _board.Dispose();
    }

    private static TaskCompletionSource<IUniqueTerm> NewWon() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Runs inside the shard: only hands over.</summary>
    private void Changed(TopicDiff diff)
    {
        foreach (var change in diff.Changes)
        {
            if (change is { Kind: PresenceChangeKind.Left, Reason: LeaveReason.NodeDown }
                && Claim.Read(change.LastShown ?? change.Entry) is { Contends: true })
            {
                Volatile.Write(ref _isHolderLost, 1);
            }
        }

        Signal();
    }

    private void Signal()
    {
        if (Interlocked.Exchange(ref _isSignalled, 1) == 0)
        {
            _changed.Release();
        }
    }

    private async Task RunAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            var wait = await StepAsync().ConfigureAwait(false);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_end.Token);
            using var timer = wait is { } due
                ? _time.CreateTimer(static contest => ((ClaimContest)contest!).Signal(), this, due, Timeout.InfiniteTimeSpan)
                : null;
            try
            {
                await _changed.WaitAsync(either.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Returns how long to wait for the next step if nothing happens before.</summary>
    private async Task<TimeSpan?> StepAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            Volatile.Write(ref _isSignalled, 0);
            if (Interlocked.Exchange(ref _isHolderLost, 0) == 1)
            {
                _machine.HolderLost(Now);
            }

            var others = _board.Others(_by);
            var outcome = _machine.Step(Now, _time.GetUtcNow().ToUnixTimeMilliseconds(), others, _board.IsSynced());
            var isSaid = await TrySayAsync().ConfigureAwait(false);
            Act(outcome, others);
            return !isSaid ? TimeSpan.FromMilliseconds(100)
                : _machine.NextStep == TimeSpan.MaxValue ? null
                : TimeSpan.FromTicks(Math.Max((_machine.NextStep - Now).Ticks, TimeSpan.TicksPerMillisecond));
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<bool> TrySayAsync()
    {
        try
        {
            await _board.SayAsync(_machine.Own).ConfigureAwait(false);
            return true;
        }
        catch (PresenceOverloadException)
        {
            return false;
        }
    }

    private void Act(ClaimOutcome outcome, IReadOnlyList<Claim> others)
    {
        if (outcome == ClaimOutcome.Start)
        {
            _term = new ClaimTerm(this, _machine.Inherited);
            _won.TrySetResult(_term);
        }
        else if (outcome == ClaimOutcome.Conflict)
        {
            _term?.Lose();
        }

        if (_machine.Own is { State: ClaimState.Leave, Heir: var heir } && others.Any(o => o.Node == heir && o.State == ClaimState.Run))
        {
            _taken.TrySetResult();
        }
    }

    private sealed class ClaimTerm(ClaimContest contest, byte[]? inherited) : IUniqueTerm
    {
        private readonly LostSignal _lost = new();

        public long? Epoch => null;

        public ReadOnlyMemory<byte> Inherited { get; } = inherited;

        public bool IsCurrent => !_lost.Token.IsCancellationRequested;

        public CancellationToken Lost => _lost.Token;

        public UniqueStopReason LostReason => UniqueStopReason.NameConflict;

        // Nobody else waits for a term in this mode to run out.
        public TimeSpan StopProlonging() => TimeSpan.MaxValue;

        public ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause) => contest.EndAsync(state, pause);

        public ValueTask AbandonAsync(TimeSpan pause) => contest.EndAsync(default, pause);

        public void Lose() => _lost.Raise();

        public void Dispose() => _lost.Dispose();
    }
}
