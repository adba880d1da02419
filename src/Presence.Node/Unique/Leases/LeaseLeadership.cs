namespace Presence.Node.Unique.Leases;

/// <summary>Holds a lease: renews it every third of its duration, and stops the process before it can expire.</summary>
internal sealed class LeaseLeadership : ILeadership
{
    private readonly ILeaseStore _store;
    private readonly LeaseCandidate _candidate;
    private readonly string _name;
    private readonly string _holder;
    private readonly UniqueProcessOptions _options;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly StopReasonSource _lost = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _gate = new();
    private readonly Task _renewing;

    /// <summary>Started before the last successful request was sent, so not later than the storage's grant.</summary>
    private LeaseClock _since;

    public LeaseLeadership(
        ILeaseStore store,
        LeaseCandidate candidate,
        string name,
        string holder,
        LeaseResult result,
        LeaseClock requested,
        UniqueProcessOptions options,
        TimeProvider time)
    {
        (_store, _candidate, _name, _holder, _options, _time) = (store, candidate, name, holder, options, time);
        _epoch = result.Epoch;
        _since = requested;
        HandoverState = result.State;
        var ended = _end.Token;
        _renewing = Task.Run(() => RenewAsync(ended));
    }

    public long? Epoch => _epoch;

    /// <summary>Gets the task that renews the lease until it is lost, ended or disposed.</summary>
    internal Task Renewing => _renewing;

    public ReadOnlyMemory<byte> HandoverState { get; }

    public bool IsHeld => !_lost.Token.IsCancellationRequested && Remaining() > TimeSpan.Zero;

    public CancellationToken LostToken => _lost.Token;

    public UniqueStopReason LossReason => UniqueStopReason.LeaseLost;

    public TimeSpan StopRenewing()
    {
        _end.Cancel();
        return Remaining();
    }

    public async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
    {
        await AbandonAsync(pause).ConfigureAwait(false);
        if (Remaining() <= TimeSpan.Zero)
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
            // The lease expires.
            _candidate.LogFailure("release", e);
        }
    }

    public async ValueTask AbandonAsync(TimeSpan pause)
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await _renewing.ConfigureAwait(false);
        _candidate.Ended(pause);
    }

    public void Dispose()
    {
        // One that was neither ended nor abandoned must not be renewed.
        _end.Cancel();
        _lost.Dispose();
        _end.Dispose();
    }

    /// <summary>Returns a lower bound of the time to expiry.</summary>
    private TimeSpan Remaining()
    {
        lock (_gate)
        {
            return _options.LeaseDuration - _since.Elapsed;
        }
    }

    private async Task RenewAsync(CancellationToken ended)
    {
        var wait = _options.LeaseDuration / 3;
        while (true)
        {
            var usable = Remaining() - _options.Margin;
            if (usable <= TimeSpan.Zero)
            {
                break;
            }

            try
            {
                await Task.Delay(wait < usable ? wait : usable, _time, ended).ConfigureAwait(false);
                usable = Remaining() - _options.Margin;
                if (usable <= TimeSpan.Zero)
                {
                    break;
                }

                var requested = LeaseClock.Start(_time);
                using var timeout = new CancellationTokenSource(usable, _time);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ended);
                var result = await _store.RenewAsync(_name, _holder, _epoch, _options.LeaseDuration, either.Token)
                    .AsTask().WaitAsync(either.Token).ConfigureAwait(false);
                if (!result.IsHeld)
                {
                    break;
                }

                lock (_gate)
                {
                    _since = requested;
                }

                wait = _options.LeaseDuration / 3;
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _candidate.LogFailure("renew", e);
                wait = _options.LeaseDuration / 10;
            }
        }

        _lost.Raise();
    }
}
