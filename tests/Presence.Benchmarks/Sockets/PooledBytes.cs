using System.Buffers;

namespace Presence.Benchmarks.Sockets;

/// <summary>
/// Bytes that wait for more, in an array that is given back when there are none: thousands of sockets would else each
/// keep an array of their largest message, whose first use costs the load generator more than the message itself.
/// </summary>
internal struct PooledBytes
{
    private byte[]? _array;
    private int _count;

    public readonly int Count => _count;

    public readonly ReadOnlySpan<byte> Written => _array.AsSpan(0, _count);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        var size = _count + bytes.Length;
        if (_array is null || size > _array.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(size, 2 * _count));
            Written.CopyTo(larger);
            GiveBack();
            _array = larger;
        }

        bytes.CopyTo(_array.AsSpan(_count));
        _count = size;
    }

    /// <summary>Removes bytes from the start.</summary>
    public void Remove(int count)
    {
        Written[count..].CopyTo(_array);
        _count -= count;
        if (_count == 0)
        {
            GiveBack();
        }
    }

    private void GiveBack()
    {
        if (_array is not null)
        {
            ArrayPool<byte>.Shared.Return(_array);
            _array = null;
        }
    }
}
