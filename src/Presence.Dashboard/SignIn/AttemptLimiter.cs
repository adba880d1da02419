using System.Net;
using System.Net.Sockets;

namespace Presence.Dashboard;

/// <summary>Counts failed sign-ins per address in fixed windows, and says when an address has to wait.</summary>
/// <remarks>
/// Bounded: at most <c>capacity</c> addresses are remembered; when it is full of unexpired ones, all further addresses
/// share one count, so that an attacker with many addresses locks out other newcomers, never the memory of the host.
/// </remarks>
internal sealed class AttemptLimiter(TimeProvider time, int maxFailures, TimeSpan window, int capacity = 10_000)
{
    private static readonly UInt128 Shared = UInt128.MaxValue;

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, Window> _failures = [];

    /// <summary>How long the address has to wait; null if it may try.</summary>
    public TimeSpan? MustWait(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            return _failures.TryGetValue(Key(address), out var known) && known.Failures >= maxFailures
                ? Remaining(known, now)
                : null;
        }
    }

    public void Failed(IPAddress? address)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            var key = Key(address);
            if (_failures.TryGetValue(key, out var known) && Remaining(known, now) is not null)
            {
                _failures[key] = known with { Failures = known.Failures + 1 };
                return;
            }

            _failures[key] = new Window(now, 1);
        }
    }

    /// <summary>Forgets the failures of an address that has signed in.</summary>
    public void Succeeded(IPAddress? address)
    {
        lock (_gate)
        {
            _failures.Remove(Raw(address));
        }
    }

    private TimeSpan? Remaining(Window known, long now)
    {
        var left = window - time.GetElapsedTime(known.Start, now);
        return left > TimeSpan.Zero ? left : null;
    }

    private UInt128 Key(IPAddress? address)
    {
        var key = Raw(address);
        if (_failures.ContainsKey(key) || _failures.Count < capacity)
        {
            return key;
        }

        var now = time.GetTimestamp();
        foreach (var (old, known) in _failures)
        {
            if (Remaining(known, now) is null)
            {
                // Removing while enumerating is allowed for dictionaries.
                _failures.Remove(old);
            }
        }

        return _failures.Count < capacity ? key : Shared;
    }

    private static UInt128 Raw(IPAddress? address)
    {
        if (address is null)
        {
            return UInt128.Zero;
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            // One household or one attacker usually holds a whole /64.
            bytes[8..].Clear();
            return System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
        }

        return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private readonly record struct Window(long Start, int Failures);
}
