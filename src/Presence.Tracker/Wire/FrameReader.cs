using System.Text;
using Presence.Crdt;
using Presence.Tracker.Index;

namespace Presence.Tracker.Wire;

/// <summary>Reads frames of <see cref="FrameWriter"/>; rejects other input without reading past its end.</summary>
internal ref struct FrameReader(ReadOnlySpan<byte> bytes, ReadOnlySpan<PresenceIndex> names, PresenceLimits limits)
{
    /// <summary>Size of a metadata block: the most that one surviving entry keeps alive.</summary>
    private const int BlockSize = 512;

    /// <summary>Maximum size of metadata in a block; larger metadata would waste its end.</summary>
    private const int MaxShared = BlockSize / 4;

    private const int MaxCachedTopics = 4096;
    private const int MaxNodeBytes = 255;

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly ReadOnlySpan<PresenceIndex> _names = names;
    private readonly PresenceLimits _limits = limits;
    [ThreadStatic]
    private static List<string>? t_topics;

    private List<string>? _topics;
    private Memory<byte> _block;
    private int _at;

    /// <summary>Releases the buffers that the frames of a thread share.</summary>
    public readonly void Finish()
    {
        if (_topics?.Capacity > MaxCachedTopics)
        {
            t_topics = null;
        }

        _topics?.Clear();
    }

    public readonly bool AtEnd => _at == _bytes.Length;

    public byte Byte() => _at < _bytes.Length ? _bytes[_at++] : throw EndOfFrame();

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

    /// <summary>Reads a count of items of at least <paramref name="bytesEach"/>; it must fit the frame.</summary>
    public int Count(int bytesEach = 1)
    {
        var count = Number();
        return count <= (ulong)((_bytes.Length - _at) / bytesEach)
            ? (int)count
            : throw new ShardFrameException($"A count of {count} does not fit into the frame.");
    }

    /// <summary>Reads eight bytes.</summary>
    public ulong Fixed()
    {
        if (_bytes.Length - _at < sizeof(ulong))
        {
            throw EndOfFrame();
        }

        return System.Buffers.Binary.BinaryPrimitives.ReadUInt64BigEndian(Slice(sizeof(ulong)));
    }

    public ReadOnlySpan<byte> Bytes() => Slice(Count());

    public string Key() => Decode(Name("key", _limits.MaxKeyBytes));

    /// <summary>
    /// Reads metadata. Small metadata share blocks, because objects cost the collector more than bytes do. The last
    /// live entry of a block keeps the block, which is small.
    /// </summary>
    public PresenceMeta Meta()
    {
        var left = _bytes.Length - _at;
        var json = Slice(Count());
        if (json.Length > _limits.MaxMetaBytes)
        {
            throw new ShardFrameException($"Metadata has {json.Length} bytes; the limit is {_limits.MaxMetaBytes}.");
        }

        try
        {
            PresenceMeta.Check(json);
        }
        catch (PresenceMetaException e)
        {
            throw new ShardFrameException(e.Message);
        }

        if (json.Length > MaxShared)
        {
            return PresenceMeta.Trusted(json.ToArray());
        }

        if (_block.Length < json.Length)
        {
            // The rest of the frame needs no more than its own length.
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

        var utf8 = Name("topic", _limits.MaxTopicBytes);
        var topic = TopicNames.Find(utf8, out var place);
        if (topic is null)
        {
            topic = Intern(utf8);
            TopicNames.Store(place, topic);
        }

        (_topics ??= t_topics ??= new(64)).Add(topic);
        return topic;
    }

    public ReplicaId Replica() => new(Decode(Name("node", MaxNodeBytes)), Number());

    /// <summary>Reads past a replica without creating its name.</summary>
    public void SkipReplica()
    {
        Name("node", MaxNodeBytes);
        Number();
    }

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

    private ReadOnlySpan<byte> Name(string what, int max)
    {
        var utf8 = Slice(Count());
        return utf8.Length > 0 && utf8.Length <= max
            ? utf8
            : throw new ShardFrameException($"A {what} has {utf8.Length} bytes; 1 to {max} are allowed.");
    }

    private ReadOnlySpan<byte> Slice(int length)
    {
        var slice = _bytes.Slice(_at, length);
        _at += length;
        return slice;
    }

    /// <summary>Returns an index's instance of a name, or a new string.</summary>
    private readonly string Intern(ReadOnlySpan<byte> utf8)
    {
        Span<char> chars = stackalloc char[256];
        if (_names.Length > 0 && utf8.Length <= chars.Length
            && System.Text.Unicode.Utf8.IsValid(utf8)
            && Encoding.UTF8.TryGetChars(utf8, chars, out var length))
        {
            foreach (var index in _names)
            {
                if (index.TryIntern(chars[..length], out var interned))
                {
                    return interned;
                }
            }
        }

        return Decode(utf8);
    }

    private static string Decode(ReadOnlySpan<byte> utf8)
    {
        if (Ascii.IsValid(utf8))
        {
            // The common case, and three times faster than UTF-8.
            return Encoding.Latin1.GetString(utf8);
        }

        try
        {
            return StrictUtf8.Encoding.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw new ShardFrameException("A text is not UTF-8.");
        }
    }

    private static ShardFrameException EndOfFrame() => new("The frame ends too early.");
}
