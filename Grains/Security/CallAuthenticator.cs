using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Presence.Grains.Security;

/// <summary>Why a call was rejected.</summary>
internal enum CallRejection
{
    /// <summary>It was accepted.</summary>
    None,

    /// <summary>It has no authenticator: its caller is not a silo of the cluster.</summary>
    Unauthenticated,

    /// <summary>It was made with another key, for another call, or with other arguments.</summary>
    Forged,

    /// <summary>It was made more than five minutes ago, or by a silo whose clock differs by that much.</summary>
    Expired,

    /// <summary>It arrived before.</summary>
    Replayed,

    /// <summary>The <see cref="Presence.Node.IPresenceAuthorizer"/> rejected it.</summary>
    Unauthorized,
}

/// <summary>Makes and checks the authenticators of calls between silos, which share a key.</summary>
/// <remarks>
/// An authenticator is: version, time (ms, 8 bytes), number of the call (8), length of the sender (1), sender, and the
/// HMAC-SHA256 of these bytes and of the call: target grain, interface, method and arguments.
/// </remarks>
internal sealed class CallAuthenticator(byte[] key, string self, TimeProvider time)
{
    /// <summary>Maximum age, and maximum difference of two silos' clocks.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    private const byte Version = 1;
    private const int HeaderBytes = 18;
    private const int MaxSenders = 1024;

    private readonly byte[] _self = Encoding.UTF8.GetBytes(self);
    private readonly ConcurrentDictionary<string, ReplayWindow> _senders = new(StringComparer.Ordinal);
    private long _calls;

    /// <summary>Returns the authenticator of a call of this silo.</summary>
    public byte[] Sign(CallContent call)
    {
        var length = HeaderBytes + _self.Length;
        var signed = new byte[length + HMACSHA256.HashSizeInBytes];
        signed[0] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(signed.AsSpan(1), Now());
        BinaryPrimitives.WriteInt64LittleEndian(signed.AsSpan(9), Interlocked.Increment(ref _calls));
        signed[17] = (byte)_self.Length;
        _self.CopyTo(signed, HeaderBytes);
        call.Hash(key, signed.AsSpan(0, length), signed.AsSpan(length));
        return signed;
    }

    /// <summary>Checks the authenticator of a received call, which is accepted once.</summary>
    public CallRejection Check(byte[]? signed, CallContent call)
    {
        if (signed is null)
        {
            return CallRejection.Unauthenticated;
        }

        if (signed.Length < HeaderBytes || signed[0] != Version
            || signed.Length != HeaderBytes + signed[17] + HMACSHA256.HashSizeInBytes)
        {
            return CallRejection.Forged;
        }

        var length = HeaderBytes + signed[17];
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        call.Hash(key, signed.AsSpan(0, length), expected);
        var sender = Encoding.UTF8.GetString(signed, HeaderBytes, signed[17]);
        if (!CryptographicOperations.FixedTimeEquals(expected, signed.AsSpan(length)) || !call.IsOf(sender))
        {
            return CallRejection.Forged;
        }

        var now = Now();
        if (Math.Abs(now - BinaryPrimitives.ReadInt64LittleEndian(signed.AsSpan(1))) > Tolerance.TotalMilliseconds)
        {
            return CallRejection.Expired;
        }

        return WindowOf(sender, now).Accept(BinaryPrimitives.ReadUInt64LittleEndian(signed.AsSpan(9)))
            ? CallRejection.None : CallRejection.Replayed;
    }

    private ReplayWindow WindowOf(string sender, long now)
    {
        if (!_senders.TryGetValue(sender, out var window))
        {
            // Only holders of the key get here: silos that have ended. Their calls have expired.
            if (_senders.Count >= MaxSenders)
            {
                foreach (var ended in _senders.Where(s => now - s.Value.LastUse > 2 * Tolerance.TotalMilliseconds))
                {
                    _senders.TryRemove(ended);
                }
            }

            window = _senders.GetOrAdd(sender, static _ => new ReplayWindow());
        }

        window.LastUse = now;
        return window;
    }

    private long Now() => time.GetUtcNow().ToUnixTimeMilliseconds();
}
