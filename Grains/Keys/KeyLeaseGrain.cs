using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;
using Presence.Node.Leases;
using Presence.Tracker;

namespace Presence.Grains.Keys;

/// <summary>See <see cref="IKeyLeaseGrain"/>. The presence ends with the activation.</summary>
[PresenceGrainType("presence-key-lease")]
internal sealed class KeyLeaseGrain(IPresenceNode node, TimeProvider time) : Grain, IKeyLeaseGrain
{
    private static readonly TimeSpan MinDuration = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MaxDuration = TimeSpan.FromMinutes(10);

    /// <summary>How early a timer may be: its clock may be coarser than that of time stamps.</summary>
    private static readonly TimeSpan ClockStep = TimeSpan.FromMilliseconds(1);

    private LeasedPresence? _presence;
    private IGrainTimer? _expiry;
    private long _renewed;
    private TimeSpan _duration;

    private LeasedPresence Presence => _presence ??= LeaseId.TryParse(this.GetPrimaryKeyString(), out var id)
        ? new LeasedPresence(node, id)
        : throw new ArgumentException("Use IGrainFactory.KeyPresence(topic, key) to find the grain.");

    public async Task<KeyPresenceResult> Put(PresenceMeta meta, TimeSpan duration)
    {
        if (duration < MinDuration || duration > MaxDuration)
        {
            throw new ArgumentOutOfRangeException(nameof(duration), duration, "A lease lasts 1 s to 10 min.");
        }

        var lease = await Presence.PutAsync(meta);
        (_renewed, _duration) = (time.GetTimestamp(), duration);
        _expiry ??= this.RegisterGrainTimer(
            static (grain, _) => grain.Expire(),
            this,
            new GrainTimerCreationOptions(duration, Timeout.InfiniteTimeSpan));
        _expiry.Change(duration, Timeout.InfiniteTimeSpan);
        DelayDeactivation(duration + MinDuration);
        return new KeyPresenceResult(lease.IsNew, lease.Ref);
    }

    public Task<bool> End() => End(LeaveReason.SessionEnded);

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _presence?.End();
        return Task.CompletedTask;
    }

    private Task Expire()
    {
        var left = _duration - time.GetElapsedTime(_renewed);
        if (left <= TimeSpan.Zero)
        {
            return End(LeaveReason.LeaseExpired);
        }

        // Renewed while the tick waited for its turn, or the timer, whose clock is a coarse one, was early.
        _expiry!.Change(left + ClockStep, Timeout.InfiniteTimeSpan);
        return Task.CompletedTask;
    }

    private Task<bool> End(LeaveReason reason)
    {
        var isEnded = Presence.End(reason);
        DeactivateOnIdle();
        return Task.FromResult(isEnded);
    }
}
