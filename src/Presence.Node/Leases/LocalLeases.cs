using System.Collections.Concurrent;
using Presence.Tracker;

namespace Presence.Node.Leases;

/// <summary>The leases of a node that is alone.</summary>
internal sealed class LocalLeases(IPresenceNode node, TimeProvider time) : IPresenceLeases, IDisposable
{
    /// <summary>Maximum number of leases.</summary>
    public const int MaxLeases = 1_000_000;

    /// <summary>How early a timer may be: its clock may be coarser than that of time stamps.</summary>
    private static readonly TimeSpan ClockStep = TimeSpan.FromMilliseconds(1);

    private readonly ConcurrentDictionary<LeaseId, Lease> _leases = new();
    private int _count;

    public async Task<KeyLease> PutAsync(
        LeaseId id, PresenceMeta meta, TimeSpan duration, CancellationToken cancellation)
    {
        while (true)
        {
            var lease = _leases.GetOrAdd(id, static (id, leases) => new Lease(leases, id), this);
            await lease.Gate.WaitAsync(cancellation).ConfigureAwait(false);
            try
            {
                if (!lease.IsOver)
                {
                    return await lease.PutAsync(meta, duration).ConfigureAwait(false);
                }
            }
            finally
            {
                lease.Gate.Release();
            }
        }
    }

    public async Task<bool> EndAsync(LeaseId id, CancellationToken cancellation)
    {
        if (!_leases.TryGetValue(id, out var lease))
        {
            return false;
        }

        await lease.Gate.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return lease.End();
        }
        finally
        {
            lease.Gate.Release();
        }
    }

    public void Dispose()
    {
        foreach (var lease in _leases.Values)
        {
            lease.Timer?.Dispose();
        }
    }

    private sealed class Lease(LocalLeases leases, LeaseId id)
    {
        private readonly LeasedPresence _presence = new(leases.Node, id);
        private long _renewed;
        private TimeSpan _duration;

        public SemaphoreSlim Gate { get; } = new(1);

        public bool IsOver { get; private set; }

        public ITimer? Timer { get; private set; }

        public async Task<KeyLease> PutAsync(PresenceMeta meta, TimeSpan duration)
        {
            if (Timer is null && Interlocked.Increment(ref leases._count) > MaxLeases)
            {
                Remove();
                throw new PresenceOverloadException($"The node keeps {MaxLeases} leases, the maximum.");
            }

            KeyLease lease;
            try
            {
                lease = await _presence.PutAsync(meta).ConfigureAwait(false);
            }
            catch when (Timer is null)
            {
                Remove();
                throw;
            }

            (_renewed, _duration) = (leases.Time.GetTimestamp(), duration);
            using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
            {
                Timer ??= leases.Time.CreateTimer(
                    static l => _ = ((Lease)l!).ExpireAsync(), this, duration, Timeout.InfiniteTimeSpan);
            }

            Timer.Change(duration, Timeout.InfiniteTimeSpan);
            return lease;
        }

        public bool End(LeaveReason reason = LeaveReason.SessionEnded)
        {
            if (IsOver)
            {
                return false;
            }

            Remove();
            return _presence.End(reason);
        }

        private void Remove()
        {
            IsOver = true;
            Timer?.Dispose();
            Interlocked.Decrement(ref leases._count);
            leases._leases.TryRemove(new(id, this));
        }

        private async Task ExpireAsync()
        {
            await Gate.WaitAsync().ConfigureAwait(false);
            try
            {
                var left = _duration - leases.Time.GetElapsedTime(_renewed);
                if (left <= TimeSpan.Zero)
                {
                    End(LeaveReason.LeaseExpired);
                }
                else if (!IsOver)
                {
                    // Renewed meanwhile, or the timer, whose clock is a coarse one, was early.
                    Timer?.Change(left + ClockStep, Timeout.InfiniteTimeSpan);
                }
            }
            finally
            {
                Gate.Release();
            }
        }
    }

    private IPresenceNode Node => node;

    private TimeProvider Time => time;
}
