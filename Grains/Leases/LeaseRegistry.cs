using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Leases;

/// <summary>
/// The leases of this silo. Each has a session, which ends when the lease is not renewed in time. Presences of grains
/// and remote clients belong to these sessions and not to grain activations, so deactivation does not end them.
/// </summary>
internal sealed class LeaseRegistry : IDisposable
{
    public const int MaxIdLength = 100;

    private readonly IPresenceNode _node;
    private readonly PresenceOrleansOptions _options;
    private readonly EndedIds _ended;
    private readonly TimeProvider _time;
    private readonly Meter _meter;
    private readonly ITimer _sweeper;
    private readonly LeasesById<Lease> _leases = new();
    private readonly PresenceSessionOptions _sessions;
    private int _count;

    public LeaseRegistry(
        IPresenceNode node, EndedIds ended, IOptions<PresenceOrleansOptions> options, TimeProvider time,
        IMeterFactory? meters = null)
    {
        (_node, _ended, _options, _time) = (node, ended, options.Value, time);
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        _meter.CreateObservableGauge("presence.leases", () => Count, "{lease}", "Leases of grains and clients");
        _sessions = new() { Label = "lease", Grace = _options.LeaseGrace };
        var period = _options.LeaseDuration / 10;
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = time.CreateTimer(static registry => ((LeaseRegistry)registry!).Sweep(), this, period, period);
        }
    }

    public TimeSpan Duration => _options.LeaseDuration;

    // Counted separately, because counting a concurrent dictionary locks all of it.
    public int Count => Volatile.Read(ref _count);

    /// <summary>Checks an id that a caller chose.</summary>
    /// <exception cref="ArgumentException">It is empty or too long.</exception>
    public static void RequireId(string id, string what)
    {
        if (id.Length is 0 or > MaxIdLength)
        {
            throw new ArgumentException($"A {what} id has 1 to {MaxIdLength} characters, not {id.Length}.", nameof(id));
        }
    }

    /// <summary>Returns the session of a lease, which is created or renewed by this call.</summary>
    /// <exception cref="ArgumentException">The id is empty or too long.</exception>
    /// <exception cref="InvalidOperationException">It was ended before: see <see cref="Prevent"/>.</exception>
    /// <exception cref="PresenceOverloadException">This silo has reached <c>MaxLeases</c> leases.</exception>
    public (PresenceSession Session, bool IsNew) Open(string id)
    {
        RequireId(id, "lease");
        while (true)
        {
            if (Find(id) is { } session)
            {
                return (session, false);
            }

            if (Add(id, null) is { } added)
            {
                return (added, true);
            }
        }
    }

    /// <summary>Continues the session of a token under a new lease, or opens a new one.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    public async Task<(PresenceSession Session, bool IsNew)> ResumeAsync(string id, byte[]? token)
    {
        RequireId(id, "lease");
        if (token is null || !ResumeToken.TryParse(token, out var parsed) || Find(id) is not null)
        {
            return Open(id);
        }

        var (session, _, _, _) = await _node.ResumeAsync(parsed, _sessions);
        return Add(id, session) is { } added ? (added, true) : Open(id);
    }

    /// <summary>Adds a lease. Returns null, and ends the session, if there is one of this id.</summary>
    /// <param name="id">The id.</param>
    /// <param name="resumed">The session that was resumed for it; null for a new one.</param>
    private PresenceSession? Add(string id, PresenceSession? resumed)
    {
        if (Interlocked.Increment(ref _count) > _options.MaxLeases)
        {
            Interlocked.Decrement(ref _count);
            throw new PresenceOverloadException(
                $"Silo {_node.Name} keeps {_options.MaxLeases} leases (Presence:Orleans:MaxLeases), the maximum.");
        }

        var now = _time.GetTimestamp();
        var lease = resumed is null ? new Lease(_node.OpenSession(_sessions), now) : new ResumedLease(resumed, now);
        if (_leases.TryAdd(id, lease))
        {
            if (_ended.Contains(id))
            {
                Withdraw(id);
                throw new InvalidOperationException($"Lease {id} was ended before it began.");
            }

            return lease.Session;
        }

        Interlocked.Decrement(ref _count);
        lease.Session.End();
        return null;
    }

    /// <summary>Renews a lease and returns its session; null if it has ended.</summary>
    public PresenceSession? Find(string id)
    {
        if (_leases.Find(id) is not { } lease || lease.Session.IsEnded || !lease.TryRenew(_time, Duration))
        {
            return null;
        }

        lease.Confirm();
        return lease.Session;
    }

    /// <summary>Ends a lease; returns false if it had already ended.</summary>
    public bool End(string id) => TryRemove(id, static lease => lease.Session.End());

    /// <summary>Ends a lease of whose beginning the client may not know.</summary>
    /// <remarks>
    /// A session that was resumed for it is only detached: the client resumes it once more, under another lease.
    /// </remarks>
    private bool Withdraw(string id) => TryRemove(id, static lease =>
    {
        if (lease is ResumedLease { IsUnconfirmed: true })
        {
            lease.Session.Detach();
        }
        else
        {
            lease.Session.End();
        }
    });

    private bool TryRemove(string id, Action<Lease> end)
    {
        if (_leases.Remove(id) is not { } lease)
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        var ended = lease.TryEnd();
        end(lease);
        return ended;
    }

    /// <summary>Ends a lease, also one that begins within a minute. Returns false if there is none now.</summary>
    public bool Prevent(string id)
    {
        RequireId(id, "lease");
        _ended.Add(id);
        return Withdraw(id);
    }

    public void Dispose()
    {
        _meter.Dispose();
        _sweeper.Dispose();
        foreach (var lease in _leases.Values)
        {
            // What has a grace was handed over, and its clients continue it on other silos.
            lease.Session.Detach();
        }
    }

    private void Sweep()
    {
        _ended.RemoveExpired();
        foreach (var lease in _leases.RemoveWhere(lease => lease.TryExpire(_time, Duration)))
        {
            Interlocked.Decrement(ref _count);
            lease.Session.End(LeaveReason.LeaseExpired);
        }
    }

    /// <summary>A session and its last renewal. An expired lease cannot be renewed any more.</summary>
    private class Lease(PresenceSession session, long renewed)
    {
        private const long Ended = long.MinValue;
        private long _renewed = renewed;

        public PresenceSession Session { get; } = session;

        /// <summary>Records that its client uses it.</summary>
        public virtual void Confirm() => Session.Confirm();

        public bool TryRenew(TimeProvider time, TimeSpan duration)
        {
            while (true)
            {
                var last = Volatile.Read(ref _renewed);
                if (last == Ended || time.GetElapsedTime(last) >= duration)
                {
                    return false;
                }

                if (Interlocked.CompareExchange(ref _renewed, time.GetTimestamp(), last) == last)
                {
                    return true;
                }
            }
        }

        public bool TryExpire(TimeProvider time, TimeSpan duration)
        {
            var last = Volatile.Read(ref _renewed);
            return last == Ended
                || (time.GetElapsedTime(last) >= duration
                    && Interlocked.CompareExchange(ref _renewed, Ended, last) == last);
        }

        public bool TryEnd() => Interlocked.Exchange(ref _renewed, Ended) != Ended;
    }

    /// <summary>A lease for which a session was resumed.</summary>
    private sealed class ResumedLease(PresenceSession session, long renewed) : Lease(session, renewed)
    {
        /// <summary>Gets whether nobody has used it yet.</summary>
        public bool IsUnconfirmed { get; private set; } = true;

        public override void Confirm()
        {
            IsUnconfirmed = false;
            base.Confirm();
        }
    }
}
