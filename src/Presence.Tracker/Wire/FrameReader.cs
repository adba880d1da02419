using System.Text;
using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>Reads what <see cref="FrameWriter"/> wrote, and refuses everything else without reading beyond the frame.</summary>
internal ref struct FrameReader(ReadOnlySpan<byte> bytes, PresenceIndex? names)
{
    /// <summary>What one entry that outlives the others of its frame keeps at most besides its own.</summary>
    private const int BlockSize = 512;

    /// <summary>A larger one wastes the end of a block.</summary>
    private const int LargestShared = BlockSize / 4;

    private const int MostKept = 4096;

    private static readonly UTF8Encoding Strict = new(false, true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly PresenceIndex? _names = names;
    [ThreadStatic]
    private static List<string>? t_topics;

    private List<string>? _topics;
    private Memory<byte> _block;
    private int _at;

    /// <summary>Lets go of what one frame after another of a thread uses.</summary>
    public readonly void Finish()
    {
        if (_topics?.Capacity > MostKept)
        {
            t_topics = null;
        }

        _topics?.Clear();
    }

    public readonly bool AtEnd => _at == _bytes.Length;

    public byte Byte() => _at < _bytes.Length ? _bytes[_at++] : throw Cut();

    public ulong Number()
    {
        if (_at < _bytes.Length && _bytes[_at] < 0x80)
        {
            return _bytes[_at++];
        }

        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var b = Byte();
            if (shift == 63 && b > 1)
            {
                break;
            }

            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
            {
                return value;
            }
        }

        throw new ShardFrameException("A number has more than 64 bits.");
    }

    /// <summary>A count of things that take at least <paramref name="bytesEach"/>: never more than the frame can hold.</summary>
    public int Count(int bytesEach = 1)
    {
        var count = Number();
        return count <= (ulong)((_bytes.Length - _at) / bytesEach)
            ? (int)count
            : throw new ShardFrameException($"A count of {count} does not fit into the frame.");
    }

    public string Text() => Decoded(Slice(Count()));

    /// <summary>
    /// Metadata. Small ones of a frame lie in blocks together, because a thousand objects cost the collector more than their bytes do; the
    /// last of a block to live keeps it, and it is small.
    /// </summary>
    public PresenceMeta Meta()
    {
        var left = _bytes.Length - _at;
        var json = Slice(Count());
        if (json.Length > LargestShared)
        {
            return PresenceMeta.Trusted(json.ToArray());
        }

        if (_block.Length < json.Length)
        {
            // Nothing that comes later in the frame needs more than what is left of it.
            _block = new byte[Math.Min(BlockSize, left)];
        }

        var shared = _block[..json.Length];
        _block = _block[json.Length..];
        json.CopyTo(shared.Span);
        return PresenceMeta.Trusted(shared);
    }

    public string Topic()
    {
        var number = Number();
        if (number > 0)
        {
            return _topics is not null && number <= (ulong)_topics.Count
                ? _topics[(int)number - 1]
                : throw new ShardFrameException($"Topic {number} was not named before.");
        }

        var utf8 = Slice(Count());
        var topic = TopicNames.Find(utf8, out var place);
        if (topic is null)
        {
            topic = Named(utf8);
            TopicNames.Keep(place, topic);
        }

        (_topics ??= t_topics ??= new(64)).Add(topic);
        return topic;
    }

    public ReplicaId Replica() => new(Text(), Number());

    public IntervalSet Intervals()
    {
        var set = new IntervalSet();
        var at = 0UL;
        for (var left = Count(2); left > 0; left--)
        {
            var interval = Interval(at);
            set.Add(interval);
            at = interval.Last;
        }

        return set;
    }

    private Interval Interval(ulong after)
    {
        var gap = Number();
        var first = checked(after + gap);
        var last = checked(first + Number());
        return gap > 0 && last < ulong.MaxValue
            ? new Interval(first, last)
            : throw new ShardFrameException("Intervals are not ascending.");
    }

    private ReadOnlySpan<byte> Slice(int length)
    {
        var slice = _bytes.Slice(_at, length);
        _at += length;
        return slice;
    }

    /// <summary>The index's own instance of a name, or a new one.</summary>
    private readonly string Named(ReadOnlySpan<byte> utf8)
    {
        Span<char> chars = stackalloc char[256];
        return _names is not null && utf8.Length <= chars.Length
            && Encoding.UTF8.TryGetChars(utf8, chars, out var length)
            && _names.TryIntern(chars[..length], out var interned)
            ? interned
            : Decoded(utf8);
    }

    private static string Decoded(ReadOnlySpan<byte> utf8)
    {
        if (Ascii.IsValid(utf8))
        {
            // Nearly all there is, and three times faster than to expect anything.
            return Encoding.Latin1.GetString(utf8);
        }

        try
        {
            return Strict.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw new ShardFrameException("A text is not UTF-8.");
        }
    }

    private static ShardFrameException Cut() => new("The frame ends too early.");
}
