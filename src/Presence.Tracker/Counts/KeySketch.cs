using System.Numerics;
using Presence.Tracker.Entries;

namespace Presence.Tracker.Counts;

/// <summary>
/// Estimates the number of distinct keys (HyperLogLog, p = 14): standard error 0.8 %. Sketches of the same keys are
/// equal on all nodes and in all versions, and merge in any order. A sketch cannot forget. Not thread-safe.
/// </summary>
/// <remarks>
/// The estimate is that of Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017): without
/// bias from none to 2^64 keys and without tables. Keys are hashed with <see cref="StableHash"/>, which has no secret:
/// who chooses keys can make an estimate too large, but not the count of presences.
/// </remarks>
internal sealed class KeySketch
{
    /// <summary>Number of the bits of a hash that choose the register.</summary>
    public const int Precision = 14;

    /// <summary>Number of registers.</summary>
    public const int Registers = 1 << Precision;

    /// <summary>Maximum value of a register.</summary>
    public const int MaxRank = 64 - Precision + 1;

    /// <summary>Maximum size of an encoded sketch, in bytes.</summary>
    public const int MaxBytes = 1 + DenseBytes;

    private const int RankBits = 6;
    private const int SparseEntryBytes = 3;
    private const int DenseBytes = Registers * RankBits / 8;
    private const byte Sparse = 1;
    private const byte Dense = 2;

    private readonly byte[] _ranks = new byte[Registers];

    /// <summary>Removes all keys.</summary>
    public void Clear() => Array.Clear(_ranks);

    /// <summary>Adds a key; again: changes nothing.</summary>
    public void Add(string key) => Add(StableHash.Of(key));

    /// <summary>Adds the hash of a key.</summary>
    public void Add(ulong hash)
    {
        // The bit after the last one of the hash ends the zeros.
        var rest = (hash << Precision) | (1UL << (Precision - 1));
        Raise((int)(hash >> (64 - Precision)), BitOperations.LeadingZeroCount(rest) + 1);
    }

    /// <summary>Returns the estimate, at least 0.</summary>
    public double Estimate()
    {
        Span<int> registers = stackalloc int[MaxRank + 1];
        foreach (var rank in _ranks)
        {
            registers[rank]++;
        }

        const double M = Registers;
        var z = M * Tau(1 - (registers[MaxRank] / M));
        for (var rank = MaxRank - 1; rank >= 1; rank--)
        {
            z = 0.5 * (z + registers[rank]);
        }

        z += M * Sigma(registers[0] / M);
        return M * M / (2 * Math.Log(2) * z);
    }

    /// <summary>Returns the sketch as bytes: of few registers 3 bytes each, otherwise 6 bits of all.</summary>
    public byte[] Encode()
    {
        var used = _ranks.Count(rank => rank > 0);
        return used * SparseEntryBytes < DenseBytes ? EncodeSparse(used) : EncodeDense();
    }

    /// <summary>Returns whether bytes are a sketch. Costs no more than reading them.</summary>
    public static bool IsValid(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [Sparse, .. var rest] => IsValidSparse(rest),
        [Dense, .. var rest] => rest.Length == DenseBytes && IsValidDense(rest),
        _ => false,
    };

    /// <summary>Adds the keys of another sketch.</summary>
    /// <param name="bytes">Bytes that <see cref="IsValid"/> accepts.</param>
    public void Merge(ReadOnlySpan<byte> bytes)
    {
        var rest = bytes[1..];
        if (bytes[0] == Sparse)
        {
            for (; rest.Length > 0; rest = rest[SparseEntryBytes..])
            {
                var entry = EntryAt(rest);
                Raise(entry >> RankBits, entry & MaxEntryRank);
            }

            return;
        }

        for (var register = 0; register < Registers; register += 4, rest = rest[SparseEntryBytes..])
        {
            var four = EntryAt(rest);
            Raise(register, four >> 18);
            Raise(register + 1, (four >> 12) & MaxEntryRank);
            Raise(register + 2, (four >> 6) & MaxEntryRank);
            Raise(register + 3, four & MaxEntryRank);
        }
    }

    private const int MaxEntryRank = (1 << RankBits) - 1;

    private void Raise(int register, int rank)
    {
        if (rank > _ranks[register])
        {
            _ranks[register] = (byte)rank;
        }
    }

    private byte[] EncodeSparse(int used)
    {
        var bytes = new byte[1 + (used * SparseEntryBytes)];
        bytes[0] = Sparse;
        var rest = bytes.AsSpan(1);
        for (var register = 0; register < Registers; register++)
        {
            if (_ranks[register] > 0)
            {
                WriteEntry(rest, (register << RankBits) | _ranks[register]);
                rest = rest[SparseEntryBytes..];
            }
        }

        return bytes;
    }

    private byte[] EncodeDense()
    {
        var bytes = new byte[MaxBytes];
        bytes[0] = Dense;
        var rest = bytes.AsSpan(1);
        for (var at = 0; at < Registers; at += 4, rest = rest[SparseEntryBytes..])
        {
            WriteEntry(rest, (_ranks[at] << 18) | (_ranks[at + 1] << 12) | (_ranks[at + 2] << 6) | _ranks[at + 3]);
        }

        return bytes;
    }

    private static bool IsValidSparse(ReadOnlySpan<byte> entries)
    {
        if (entries.Length % SparseEntryBytes != 0 || entries.Length >= DenseBytes)
        {
            return false;
        }

        var last = -1;
        for (; entries.Length > 0; entries = entries[SparseEntryBytes..])
        {
            var entry = EntryAt(entries);
            var (register, rank) = (entry >> RankBits, entry & MaxEntryRank);
            if (register <= last || register >= Registers || rank is 0 or > MaxRank)
            {
                return false;
            }

            last = register;
        }

        return true;
    }

    private static bool IsValidDense(ReadOnlySpan<byte> ranks)
    {
        for (; ranks.Length > 0; ranks = ranks[SparseEntryBytes..])
        {
            for (var four = EntryAt(ranks); four > 0; four >>= RankBits)
            {
                if ((four & MaxEntryRank) > MaxRank)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static int EntryAt(ReadOnlySpan<byte> bytes) => (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];

    private static void WriteEntry(Span<byte> to, int entry) =>
        (to[0], to[1], to[2]) = ((byte)(entry >> 16), (byte)(entry >> 8), (byte)entry);

    /// <summary>The part of the registers without a key.</summary>
    private static double Sigma(double x)
    {
        if (x >= 1)
        {
            return double.PositiveInfinity;
        }

        double y = 1, z = x, before;
        do
        {
            x *= x;
            before = z;
            z += x * y;
            y += y;
        }
        while (z > before);
        return z;
    }

    /// <summary>The part of the registers that are full.</summary>
    private static double Tau(double x)
    {
        if (x is <= 0 or >= 1)
        {
            return 0;
        }

        double y = 1, z = 1 - x, before;
        do
        {
            x = Math.Sqrt(x);
            before = z;
            y *= 0.5;
            z -= (1 - x) * (1 - x) * y;
        }
        while (z < before);
        return z / 3;
    }
}
