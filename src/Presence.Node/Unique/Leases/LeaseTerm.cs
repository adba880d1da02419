namespace Presence.Node;

/// <summary>Holds a lease: renews it every third of its length, and gives the process up before it can be taken.</summary>
internal sealed class LeaseTerm : IUniqueTerm
{
    private readonly ILeaseStore _store;
    private readonly LeaseContest _contest;
    private readonly string _name;
    private readonly string _holder;
    private readonly UniqueProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly LostSignal _lost = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly Task _renewing;

    /// <summary>Started before the last renewal that succeeded was sent: what the storage granted began later.</summary>
    private LeaseClock _since;

    public LeaseTerm(
        ILeaseStore store,
        LeaseContest contest,
        string name,
        string holder,
        LeaseAnswer answer,
        LeaseClock asked,
        UniqueProcessOptions options,
        TimeProvider time)
    {
        (_store, _contest, _name, _holder, _options, _time) = (store, contest, name, holder, options, time);
        _epoch = answer.Epoch;
        _since = asked;
        Inherited = answer.State;
        _renewing = Task.Run(RenewAsync);
    }

    public long? Epoch => _epoch;

    public ReadOnlyMemory<byte> Inherited { get; }

    public bool IsCurrent => !_lost.Token.IsCancellationRequested && Left() > TimeSpan.Zero;

    public CancellationToken Lost => _lost.Token;

    public UniqueStopReason LostReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopProlonging()
    {
        _end.Cancel();
        return Left();
    }

    public async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        await AbandonAsync(pause).ConfigureAwait(false);
        if (Left() <= TimeSpan.Zero)
        {
            return;
        }

        using var timeout = new CancellationTokenSource(_options.HandOverTimeout + TimeSpan.FromSeconds(1), _time);
        try
        {
            await _store.ReleaseAsync(_name, _holder, _epoch, state, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // It runs out by itself.
            _contest.Trouble("release", e);
        }
    }

    public async ValueTask AbandonAsync(TimeSpan pause)
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        _contest.Ended(pause);
    }

    public void Dispose()
    {
        _lost.Dispose();
        _end.Dispose();
    }

    /// <summary>How long the lease certainly still lasts.</summary>
    private TimeSpan Left()
    {
        lock (_gate)
        {
            return _options.Lease - _since.Elapsed;
        }
    }

    private async Task RenewAsync()
    {
        var wait = _options.Lease / 3;
        while (true)
        {
            var usable = Left() - _options.Margin;
            if (usable <= TimeSpan.Zero)
            {
                break;
            }

            try
            {
                await Task.Delay(wait < usable ? wait : usable, _time, _end.Token).ConfigureAwait(false);
                usable = Left() - _options.Margin;
                if (usable <= TimeSpan.Zero)
                {
                    break;
                }

                var asked = LeaseClock.Start(_time);
                using var timeout = new CancellationTokenSource(usable, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _end.Token);
                var answer = await _store.RenewAsync(_name, _holder, _epoch, _options.Lease, either.Token)
                    .AsTask().WaitAsync(either.Token).ConfigureAwait(false);
                if (!answer.IsHeld)
                {
                    break;
                }

                lock (_gate)
                {
                    _since = asked;
                }

                wait = _options.Lease / 3;
            }
            catch (OperationCanceledException) when (_end.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _contest.Trouble("renew", e);
                wait = _options.Lease / 10;
            }
        }

        _lost.Raise();
    }
}
