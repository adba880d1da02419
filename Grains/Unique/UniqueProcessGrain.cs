using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Grains.Placement;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>See <see cref="IUniqueElectionGrain"/>. The <see cref="Roster"/> decides; this class does I/O.</summary>
/// <remarks>
/// Reentrant: seats report while another waits for its successor or the store. The roster is only used between awaits.
/// The directory of pinned grains is used because the placement depends on no third silo.
/// </remarks>
[PresenceGrainType("presence-unique-process")]
[OnOldestSilo]
[GrainDirectory(GrainDirectoryName = PinnedGrainDirectory.Name)]
[Immovable]
[Reentrant]
internal sealed class UniqueProcessGrain(
    IGrainFactory grains,
    ILocalSiloDetails self,
    PresenceSilos silos,
    IOptions<PresenceOrleansOptions> options,
    IServiceProvider services,
    UniqueElectionInstruments instruments,
    TimeProvider time,
    ILogger<UniqueProcessGrain> log) : Grain, IUniqueElectionGrain, IDisposable
{
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MaxWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MaxLease = UniqueProcessOptions.MaxLeaseDuration;

    private readonly CancellationTokenSource _end = new();
    private readonly long _start = time.GetTimestamp();
    private CancellationToken _ending;
    private Roster _roster = null!;
    private KnownLease? _lease;
    private IGrainTimer? _timer;
    private TaskCompletionSource _holderRuns = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (int Grants, int Conflicts) _counted;

    private string Name => this.GetPrimaryKeyString();

    private TimeSpan Now => time.GetElapsedTime(_start);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        CheckPlacement();
        _ending = _end.Token;
        var active = ActiveSilos();
        _roster = new Roster(active.Select(s => s.ToParsableString()), options.Value.UniqueLease, Now);
        _timer = this.RegisterGrainTimer(
            static (grain, _) => grain.StepAsync(),
            this,
            new GrainTimerCreationOptions(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) { Interleave = true });
        foreach (var silo in active)
        {
            _ = RequestAsync(silo.ToParsableString(), RequestTimeout);
        }

        _ = FollowNodesAsync();
        instruments.ElectionStarted();
        log.ElectionStarted(Name);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_roster is not null)
        {
            instruments.ElectionEnded();
        }

        await _end.CancelAsync();
    }

    public void Dispose() => _end.Dispose();

    public Task<UniqueProcessStatus?> Status()
    {
        CheckPlacement();
        return Task.FromResult(_roster.Status(Name));
    }

    public Task<bool> HandOver()
    {
        CheckPlacement();
        var isRun = _roster.HandOver();
        Act();
        return Task.FromResult(isRun);
    }

    public Task<UniqueVerdict> Attend(UniqueSeat seat)
    {
        CheckPlacement();
        if (IsOfDeadSilo(seat))
        {
            // Its silo does not know yet that it was declared dead. It must not displace its successor.
            return Task.FromResult(
                new UniqueVerdict(UniqueVerdictKind.Stop, seat.Epoch ?? seat.Term, UniqueStopReason.NameConflict, []));
        }

        _roster.OnReport(seat, Now);
        Act();
        return Task.FromResult(_roster.VerdictFor(seat.Id));
    }

    public async Task Leave(UniqueSeat seat, byte[] state, TimeSpan timeout)
    {
        CheckPlacement();
        if (state.Length > UniqueProcessContext.MaxStateBytes)
        {
            throw new ArgumentException(
                $"The state has {state.Length} bytes; at most {UniqueProcessContext.MaxStateBytes} can be left to a "
                + "successor.");
        }

        if (IsOfDeadSilo(seat))
        {
            return;
        }

        _roster.OnLeft(seat, state, Now);
        Act();
        if (timeout <= TimeSpan.Zero)
        {
            return;
        }

        var maxWait = timeout < MaxWait ? timeout : MaxWait;
        if (!_roster.AwaitsHolder)
        {
            // A silo that has just started may be able to run the process but not have reported it yet.
            var others = ActiveSilos().Select(s => s.ToParsableString())
                .Where(s => s != seat.Silo && !_roster.HasSeatOf(s));
            await Task.WhenAll(others.Select(silo => RequestAsync(silo, Now + maxWait)));
        }

        if (_roster.AwaitsHolder)
        {
            await _holderRuns.Task.WaitAsync(maxWait, time, _ending).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    public async Task<LeaseResult> Acquire(string holder, TimeSpan duration)
    {
        CheckPlacement();
        ArgumentException.ThrowIfNullOrEmpty(holder);
        if (duration <= TimeSpan.Zero || duration > MaxLease)
        {
            throw new ArgumentOutOfRangeException(nameof(duration), duration, $"A lease lasts at most {MaxLease}.");
        }

        var requestedAt = Now;
        if (_lease is { } known && known.Result.Holder != holder && known.Until > requestedAt)
        {
            return known.Result with { IsHeld = false, Remaining = known.Until - requestedAt, State = default };
        }

        var store = services.GetService<ILeaseStore>() ?? throw new InvalidOperationException(
            $"Consistent unique process '{Name}': silo {self.Name} has no ILeaseStore. Register it on every silo.");
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_ending);
        timeout.CancelAfter(duration);
        var result = await store.AcquireAsync(Name, holder, duration, timeout.Token);
        _lease = result.Remaining > TimeSpan.Zero
            ? new KnownLease(result with { State = default }, requestedAt + result.Remaining) : null;
        if (result.IsHeld)
        {
            instruments.Granted(1);
        }

        return result;
    }

    public Task Released()
    {
        CheckPlacement();
        _lease = null;
        NotifyAll(_roster.Standbys());
        return Task.CompletedTask;
    }

    private SiloAddress[] ActiveSilos() => silos.Current.Active;

    private bool IsOfDeadSilo(UniqueSeat seat) =>
        silos.IsDead(SiloAddress.FromParsableString(seat.Silo));

    private bool IsOnOldestSilo() => self.SiloAddress.Equals(OldestPlacementDirector.Oldest(ActiveSilos()));

    /// <summary>Rejects calls on any silo but the oldest, so that a stale cache does not cause two elections.</summary>
    private void CheckPlacement()
    {
        if (!IsOnOldestSilo())
        {
            DeactivateOnIdle();
            throw new SiloUnavailableException($"Silo {self.SiloAddress} does not run the election of '{Name}'.");
        }
    }

    private async Task StepAsync()
    {
        if (IsOnOldestSilo())
        {
            Act();
        }
        else
        {
            DeactivateOnIdle();
        }

        await Task.CompletedTask;
    }

    private void Act()
    {
        _roster.Step(Now);
        NotifyAll(_roster.DequeueCalls());
        if (!_roster.AwaitsHolder)
        {
            _holderRuns.TrySetResult();
            _holderRuns = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        instruments.Granted(_roster.Grants - _counted.Grants);
        if (_roster.Conflicts > _counted.Conflicts)
        {
            instruments.Conflicted(_roster.Conflicts - _counted.Conflicts);
            log.Conflict(Name);
        }

        _counted = (_roster.Grants, _roster.Conflicts);
        var wait = _roster.NextStep == TimeSpan.MaxValue ? Timeout.InfiniteTimeSpan : _roster.NextStep - Now;
        _timer?.Change(
            wait < TimeSpan.FromMilliseconds(1) && wait != Timeout.InfiniteTimeSpan
                ? TimeSpan.FromMilliseconds(1)
                : wait,
            Timeout.InfiniteTimeSpan);
    }

    private void NotifyAll(IReadOnlyList<UniqueSeat> seats)
    {
        foreach (var seat in seats)
        {
            _ = NotifyAsync(seat);
        }
    }

    private async Task NotifyAsync(UniqueSeat seat)
    {
        try
        {
            await grains.GetGrain<IPinnedSiloGrain>(seat.Silo).CallUniqueSeat(Name);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The notification is optional: the seat reports later anyway, or is removed.
            instruments.Failed();
        }
    }

    /// <summary>Requests a silo's seat until it answers or the time is over.</summary>
    private async Task RequestAsync(string silo, TimeSpan until)
    {
        while (!_ending.IsCancellationRequested && Now < until)
        {
            try
            {
                var timeout = until - Now < RequestTimeout ? until - Now : RequestTimeout;
                var seat = await grains.GetGrain<IPinnedSiloGrain>(silo).UniqueSeatOf(Name)
                    .WaitAsync(timeout, time, _ending);
                if (seat is null)
                {
                    _roster.OnNoSeat(silo);
                }
                else
                {
                    _roster.OnReport(seat, Now);
                }

                break;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.Failed();
                await Task.Delay(RequestTimeout / 20, time, _ending).ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }

        if (!_ending.IsCancellationRequested)
        {
            Act();
        }
    }

    private async Task FollowNodesAsync()
    {
        var before = ActiveSilos();
        try
        {
            await foreach (var _ in silos.UpdatesAsync(_ending))
            {
                if (!IsOnOldestSilo())
                {
                    DeactivateOnIdle();
                    return;
                }

                var now = ActiveSilos();
                foreach (var gone in before.Except(now))
                {
                    _roster.OnSiloRemoved(gone.ToParsableString(), Now);
                }

                before = now;
                Act();
            }
        }
        catch (OperationCanceledException)
        {
            // The grain is deactivated.
        }
    }

    /// <summary>The last response of the store, and until when it is valid at least.</summary>
    private sealed record KnownLease(LeaseResult Result, TimeSpan Until);
}
