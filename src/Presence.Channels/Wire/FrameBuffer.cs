using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Presence.Channels.Wire;

/// <summary>A growing buffer for one frame, reused per thread; returns the frame in an array of its size.</summary>
internal sealed class FrameBuffer
{
    private const int MaxRetainedCapacity = 256 * 1024;

    [ThreadStatic]
    private static FrameBuffer? s_idle;

    /// <summary>Escapes only what JSON requires: the text is never part of a page.</summary>
    public static readonly JsonWriterOptions Relaxed =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ArrayBufferWriter<byte> _bytes = new(512);

    public static FrameBuffer Rent()
    {
        var buffer = s_idle ?? new FrameBuffer();
        s_idle = null;
        return buffer;
    }

    public void Raw(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    public void Value(WireValue value)
    {
        if (value.IsNull || value.IsJson)
        {
            Encoding.UTF8.GetBytes(value.Text ?? "null", _bytes);
        }
        else
        {
            String(value.Text!);
        }
    }

    public void Number(long value)
    {
        value.TryFormat(_bytes.GetSpan(20), out var length, provider: CultureInfo.InvariantCulture);
        _bytes.Advance(length);
    }

    public void String(string text)
    {
        Raw("\""u8);
        if (IsPlain(text))
        {
            Encoding.UTF8.GetBytes(text, _bytes);
        }
        else
        {
            Raw(JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping).EncodedUtf8Bytes);
        }

        Raw("\""u8);
    }

    public byte[] ToArrayAndReturn()
    {
        var frame = _bytes.WrittenSpan.ToArray();
        if (_bytes.Capacity <= MaxRetainedCapacity)
        {
            _bytes.ResetWrittenCount();
            s_idle = this;
        }

        return frame;
    }

    /// <summary>
    /// Replaces an array of the pool with one twice as large, at most <paramref name="limit"/> + 1 bytes.
    /// </summary>
    public static void GrowRented(ref byte[] buffer, int limit)
    {
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, limit + 1L));
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private static bool IsPlain(string text) =>
        !text.AsSpan().ContainsAnyInRange('\0', '\u001f') && !text.AsSpan().ContainsAny('"', '\\');
}
