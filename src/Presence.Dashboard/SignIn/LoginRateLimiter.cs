using System.Net;
using Presence.Node.Hosting;

namespace Presence.Dashboard.SignIn;

/// <summary>
/// Slows guessing: after some failures of an address, or many of the account from all addresses, an address may try one
/// password a second.
/// </summary>
/// <remarks>
/// Nobody is locked out: the right password is accepted when its turn comes, at most <see cref="MaxWait"/> later. At
/// most <c>capacity</c> addresses are stored. If all of them are unexpired, further addresses share one count.
/// </remarks>
internal sealed class LoginRateLimiter(TimeProvider time, int maxFailures, TimeSpan window, int capacity = 10_000)
{
    /// <summary>The longest wait of an attempt; those that would wait longer are rejected.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10);

    // The account is guarded from this multiple of the failures of one address on.
    private const long AccountFactor = 10;

    private static readonly UInt128 Shared = UInt128.MaxValue;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, Window> _addresses = [];
    private Window _account;

    /// <summary>Takes the turn of an attempt.</summary>
    /// <returns>How long to wait before it is checked; more than <see cref="MaxWait"/>: it is rejected.</returns>
    public TimeSpan Take(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            var key = Key(address, now);
            var known = _addresses.GetValueOrDefault(key);
            var isSlow = (IsOpen(known, now) && known.Failures >= maxFailures)
                || (IsOpen(_account, now) && _account.Failures >= maxFailures * AccountFactor);
            if (!isSlow)
            {
                return TimeSpan.Zero;
            }

            known = IsOpen(known, now) ? known : new Window(now, 0, 0);
            var turn = Math.Max(now, known.NextTurn);
            var wait = time.GetElapsedTime(now, turn);
            if (wait <= MaxWait)
            {
                var next = turn + (long)(Interval.TotalSeconds * time.TimestampFrequency);
                _addresses[key] = known with { NextTurn = next };
            }

            return wait;
        }
    }

    public void Failed(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            var key = Key(address, now);
            _addresses[key] = Counted(_addresses.GetValueOrDefault(key), now);
            _account = Counted(_account, now);
        }
    }

    public void Succeeded(IPAddress? address)
    {
        lock (_gate)
        {
            // Others who guess from the same address stay slow.
            var key = ClientAddress.KeyOf(address);
            if (_addresses.TryGetValue(key, out var known) && known.Failures < maxFailures)
            {
                _addresses.Remove(key);
            }
        }
    }

    private Window Counted(Window known, long now) =>
        IsOpen(known, now) ? known with { Failures = known.Failures + 1 } : new Window(now, 1, 0);

    private bool IsOpen(Window known, long now) => known != default && time.GetElapsedTime(known.Start, now) < window;

    private UInt128 Key(IPAddress? address, long now)
    {
        var key = ClientAddress.KeyOf(address);
        if (_addresses.ContainsKey(key) || _addresses.Count < capacity)
        {
            return key;
        }

        foreach (var (old, known) in _addresses)
        {
            if (!IsOpen(known, now))
            {
                // Removing while enumerating is allowed for dictionaries.
                _addresses.Remove(old);
            }
        }

        return _addresses.Count < capacity ? key : Shared;
    }

    private readonly record struct Window(long Start, int Failures, long NextTurn);
}
