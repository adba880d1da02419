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

/// <summary>See <see cref="IUniqueElectionGrain"/>. The <see cref="Roster"/> decides; this class sends and receives for it.</summary>
/// <remarks>
/// Reentrant: seats are heard while another waits for its successor or the store. The roster is only touched between awaits.
/// The directory of pinned grains is used because the placement needs none: it depends on no third silo.
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
    UniqueArbitrationInstruments instruments,
    TimeProvider time,
    ILogger<UniqueProcessGrain> log) : Grain, IUniqueElectionGrain, IDisposable
{
    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MostPatience = TimeSpan.FromMinutes(1);

    private readonly CancellationTokenSource _end = new();
    private readonly long _start = time.GetTimestamp();
    private CancellationToken _ending;
    private Roster _roster = null!;
    private KnownLease? _lease;
    private IGrainTimer? _timer;
    private TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private (int Grants, int Conflicts) _counted;

    private string Name => this.GetPrimaryKeyString();

    private TimeSpan Now => time.GetElapsedTime(_start);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        CheckHome();
        _ending = _end.Token;
        var active = ActiveSilos();
        _roster = new Roster(active.Select(s => s.ToParsableString()), options.Value.UniqueLease, Now);
        _timer = this.RegisterGrainTimer(
            static (grain, _) => grain.StepAsync(),
            this,
            new GrainTimerCreationOptions(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) { Interleave = true });
        foreach (var silo in active)
        {
            _ = AskAsync(silo.ToParsableString());
        }

        _ = FollowAsync();
        instruments.Began();
        log.Arbitrates(Name);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        if (_roster is not null)
        {
            instruments.Ended();
        }

        await _end.CancelAsync();
    }

    public void Dispose() => _end.Dispose();

    public Task<UniqueProcessStatus?> Status()
    {
        CheckHome();
        return Task.FromResult(_roster.Status(Name));
    }

    public Task<bool> HandOver()
    {
        CheckHome();
        var isRun = _roster.HandOver();
        Act();
        return Task.FromResult(isRun);
    }

    public Task<UniqueVerdict> Attend(UniqueSeat seat)
    {
        CheckHome();
        if (IsOfDeadSilo(seat))
        {
            // It has been cut off, does not know yet that it is dead, and must not displace its successor.
            return Task.FromResult(new UniqueVerdict(UniqueVerdictKind.Stop, seat.Epoch ?? seat.Term, UniqueStopReason.NameConflict, []));
        }

        _roster.Heard(seat, Now);
        Act();
        return Task.FromResult(_roster.VerdictFor(seat.Id));
    }

    public async Task Leave(UniqueSeat seat, byte[] state, TimeSpan patience)
    {
        CheckHome();
        if (state.Length > UniqueProcessContext.MaxStateBytes)
        {
            throw new ArgumentException(
                $"The state has {state.Length} bytes; at most {UniqueProcessContext.MaxStateBytes} can be left to a successor.");
        }

        if (IsOfDeadSilo(seat))
        {
            return;
        }

        _roster.Left(seat, state, Now);
        Act();
        if (_roster.AwaitsHolder && patience > TimeSpan.Zero)
        {
            var most = patience < MostPatience ? patience : MostPatience;
            await _taken.Task.WaitAsync(most, time, _ending).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    public async Task<LeaseAnswer> Acquire(string holder, TimeSpan duration)
    {
        CheckHome();
        var asked = Now;
        if (_lease is { } known && known.Answer.Holder != holder && known.Until > asked)
        {
            return known.Answer with { IsHeld = false, Remaining = known.Until - asked, State = default };
        }

        var store = services.GetService<ILeaseStore>() ?? throw new InvalidOperationException(
            $"Unique process '{Name}' is consistent, and silo {self.Name}, whose grain arbitrates it, has no ILeaseStore: register it on every silo.");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(_ending);
        patience.CancelAfter(duration);
        var answer = await store.AcquireAsync(Name, holder, duration, patience.Token);
        _lease = answer.Remaining > TimeSpan.Zero ? new KnownLease(answer with { State = default }, asked + answer.Remaining) : null;
        if (answer.IsHeld)
        {
            instruments.Granted(1);
        }

        return answer;
    }

    public Task Released()
    {
        CheckHome();
        _lease = null;
        CallAll(_roster.Standbys());
        return Task.CompletedTask;
    }

    private SiloAddress[] ActiveSilos() => silos.Current.Active;

    private bool IsOfDeadSilo(UniqueSeat seat) =>
        silos.IsDead(SiloAddress.FromParsableString(seat.Silo));

    private bool IsHome() => self.SiloAddress.Equals(OldestPlacementDirector.Oldest(ActiveSilos()));

    /// <summary>One silo arbitrates. A stale cache somewhere, or an older silo that has just become active, must not make it two.</summary>
    private void CheckHome()
    {
        if (!IsHome())
        {
            DeactivateOnIdle();
            throw new SiloUnavailableException($"Silo {self.SiloAddress} is not the oldest active one and does not arbitrate '{Name}'.");
        }
    }

    private async Task StepAsync()
    {
        if (IsHome())
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
        CallAll(_roster.TakeCalls());
        if (!_roster.AwaitsHolder)
        {
            _taken.TrySetResult();
            _taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
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
            wait < TimeSpan.FromMilliseconds(1) && wait != Timeout.InfiniteTimeSpan ? TimeSpan.FromMilliseconds(1) : wait,
            Timeout.InfiniteTimeSpan);
    }

    private void CallAll(IReadOnlyList<UniqueSeat> seats)
    {
        foreach (var seat in seats)
        {
            _ = CallAsync(seat);
        }
    }

    private async Task CallAsync(UniqueSeat seat)
    {
        try
        {
            await grains.GetGrain<IPresenceSiloGrain>(seat.Silo).CallUniqueSeat(Name);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // A hint. The seat attends anyway, or it is lost and will be let go of.
            instruments.Failed();
        }
    }

    /// <summary>Asks a silo who runs the process there, until it answers, is over, or has had time enough.</summary>
    private async Task AskAsync(string silo)
    {
        while (!_ending.IsCancellationRequested && Now < AskTimeout)
        {
            try
            {
                var seat = await grains.GetGrain<IPresenceSiloGrain>(silo).UniqueSeatOf(Name).WaitAsync(AskTimeout, time, _ending);
                if (seat is null)
                {
                    _roster.Asked(silo);
                }
                else
                {
                    _roster.Heard(seat, Now);
                }

                break;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                instruments.Failed();
                await Task.Delay(AskTimeout / 20, time, _ending).ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
        }

        if (!_ending.IsCancellationRequested)
        {
            Act();
        }
    }

    private async Task FollowAsync()
    {
        var before = ActiveSilos();
        try
        {
            await foreach (var _ in silos.UpdatesAsync(_ending))
            {
                if (!IsHome())
                {
                    DeactivateOnIdle();
                    return;
                }

                var now = ActiveSilos();
                foreach (var gone in before.Except(now))
                {
                    _roster.SiloGone(gone.ToParsableString(), Now);
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

    /// <summary>What the store answered last, and until when that holds at least.</summary>
    private sealed record KnownLease(LeaseAnswer Answer, TimeSpan Until);
}
