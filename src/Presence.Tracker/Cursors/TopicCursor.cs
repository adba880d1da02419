using System.Buffers.Binary;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Presence.Tracker.Cursors;

/// <summary>
/// The digest of the presences that a reader of a topic has, as text. Who has the presences can compute it, and no node
/// keeps it; a node that remembers how its own picture was the same returns what has changed since.
/// </summary>
/// <remarks>
/// Layout: version, total (8 bytes), then three bytes of each replica and five of its sum, ascending by replica, as
/// URL-safe base64. The total makes a wrong answer as unlikely as equal hashes of 64 bits.
/// </remarks>
internal sealed class TopicCursor
{
    /// <summary>Maximum number of replicas; a topic with more has no cursor.</summary>
    public const int MaxOwners = 64;

    private const byte Version = 1;
    private const int HeadSize = 9;
    private const int OwnerSize = 8;
    private const ulong SumMask = (1UL << 40) - 1;

    private readonly Dictionary<uint, ulong> _sums;

    private TopicCursor(string text, ulong total, Dictionary<uint, ulong> sums)
    {
        Text = text;
        Total = total;
        _sums = sums;
    }

    public string Text { get; }

    public ulong Total { get; }

    /// <summary>Returns the cursor of a picture; null if it has presences of too many replicas.</summary>
    public static TopicCursor? Of(TopicDigest digest)
    {
        if (digest.Sums.Count > MaxOwners)
        {
            return null;
        }

        Span<byte> bytes = stackalloc byte[HeadSize + (OwnerSize * MaxOwners)];
        bytes[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(bytes[1..], digest.Total);
        var at = HeadSize;
        foreach (var (owner, sum) in digest.Sums.OrderBy(s => s.Key))
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes[at..], ((ulong)owner << 40) | (sum & SumMask));
            at += OwnerSize;
        }

        return new TopicCursor(Base64Url.EncodeToString(bytes[..at]), digest.Total, new(digest.Sums));
    }

    /// <returns>False if the text is no cursor. A cursor of another topic or a made-up one is only not found.</returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out TopicCursor? cursor)
    {
        cursor = null;
        Span<byte> bytes = stackalloc byte[HeadSize + (OwnerSize * MaxOwners)];
        if (text.Length > Base64Url.GetEncodedLength(bytes.Length)
            || !Base64Url.IsValid(text)
            || !Base64Url.TryDecodeFromChars(text, bytes, out var length)
            || text.Length != Base64Url.GetEncodedLength(length)
            || length < HeadSize
            || (length - HeadSize) % OwnerSize != 0
            || bytes[0] != Version)
        {
            return false;
        }

        var sums = new Dictionary<uint, ulong>((length - HeadSize) / OwnerSize);
        for (var at = HeadSize; at < length; at += OwnerSize)
        {
            var owner = BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]);
            if (!sums.TryAdd((uint)(owner >> 40), owner & SumMask))
            {
                return false;
            }
        }

        cursor = new TopicCursor(text, BinaryPrimitives.ReadUInt64BigEndian(bytes[1..]), sums);
        return true;
    }

    /// <summary>Returns whether the presences of a replica are those of the cursor.</summary>
    public bool Matches(TopicDigest digest, uint owner) =>
        (digest.Sums.GetValueOrDefault(owner) & SumMask) == (_sums.GetValueOrDefault(owner) & SumMask);

    /// <summary>Returns the replicas whose presences are not those of the cursor.</summary>
    public HashSet<uint> Differences(TopicDigest digest)
    {
        var owners = new HashSet<uint>(_sums.Keys);
        owners.UnionWith(digest.Sums.Keys);
        owners.RemoveWhere(owner => Matches(digest, owner));
        return owners;
    }

    public override string ToString() => Text;
}
