using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Presence.Node;

namespace Presence.Grains.Leases;

/// <summary>
/// The leases of this silo: a process each, which ends when its lease is not renewed in time. What grains and remote
/// clients track lives here and not in an activation, so collecting a grain ends nobody's presence.
/// </summary>
internal sealed class LeaseTable : IDisposable
{
    public const int MaxIdLength = 100;

    private readonly IPresenceNode _node;
    private readonly PresenceOrleansOptions _options;
    private readonly TimeProvider _time;
    private readonly ITimer _sweeper;
    private readonly ConcurrentDictionary<string, Lease> _leases = new(StringComparer.Ordinal);
    private int _count;

    public LeaseTable(IPresenceNode node, IOptions<PresenceOrleansOptions> options, TimeProvider time)
    {
        _node = node;
        _options = options.Value;
        _time = time;
        var period = _options.LeaseDuration / 10;
        using (ExecutionContext.SuppressFlow())
        {
            _sweeper = time.CreateTimer(static table => ((LeaseTable)table!).Sweep(), this, period, period);
        }
    }

    public TimeSpan Duration => _options.LeaseDuration;

    // Kept beside the table, which would lock all of itself to count.
    public int Count => Volatile.Read(ref _count);

    /// <summary>The process of a lease, which is new, or counts as renewed by this.</summary>
    /// <exception cref="ArgumentException">The id is empty or too long.</exception>
    /// <exception cref="PresenceOverloadException">This silo keeps as many leases as it may.</exception>
    public (PresenceProcess Process, bool IsNew) Open(string id)
    {
        if (id.Length is 0 or > MaxIdLength)
        {
            throw new ArgumentException($"A lease id has 1 to {MaxIdLength} characters; this one has {id.Length}.", nameof(id));
        }

        while (true)
        {
            if (Find(id) is { } process)
            {
                return (process, false);
            }

            if (Interlocked.Increment(ref _count) > _options.MaxLeases)
            {
                Interlocked.Decrement(ref _count);
                throw new PresenceOverloadException(
                    $"Silo {_node.Name} keeps {_options.MaxLeases} leases (Presence:Orleans:MaxLeases) and takes no more.");
            }

            var lease = new Lease(_node.StartProcess($"lease {id}"), _time.GetTimestamp());
            if (_leases.TryAdd(id, lease))
            {
                return (lease.Process, true);
            }

            Interlocked.Decrement(ref _count);
            lease.Process.End();
        }
    }

    /// <summary>The process of a lease that is not over, renewed by being used; null if it is over.</summary>
    public PresenceProcess? Find(string id) =>
        _leases.TryGetValue(id, out var lease) && lease.TryRenew(_time, Duration) ? lease.Process : null;

    /// <summary>False if it was over already.</summary>
    public bool End(string id)
    {
        if (!_leases.TryRemove(id, out var lease))
        {
            return false;
        }

        Interlocked.Decrement(ref _count);
        var ended = lease.TryEnd();
        lease.Process.End();
        return ended;
    }

    public void Dispose()
    {
        _sweeper.Dispose();
        foreach (var id in _leases.Keys)
        {
            End(id);
        }
    }

    private void Sweep()
    {
        foreach (var (id, lease) in _leases)
        {
            if (lease.TryExpire(_time, Duration) && _leases.TryRemove(new(id, lease)))
            {
                Interlocked.Decrement(ref _count);
                lease.Process.End();
            }
        }
    }

    /// <summary>A process and when it was last renewed. Over is over: no renewal can overtake an expiry.</summary>
    private sealed class Lease(PresenceProcess process, long renewed)
    {
        private const long Over = long.MinValue;
        private long _renewed = renewed;

        public PresenceProcess Process { get; } = process;

        public bool TryRenew(TimeProvider time, TimeSpan duration)
        {
            while (true)
            {
                var last = Volatile.Read(ref _renewed);
                if (last == Over || time.GetElapsedTime(last) >= duration)
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
            return last == Over
                || (time.GetElapsedTime(last) >= duration && Interlocked.CompareExchange(ref _renewed, Over, last) == last);
        }

        public bool TryEnd() => Interlocked.Exchange(ref _renewed, Over) != Over;
    }
}
