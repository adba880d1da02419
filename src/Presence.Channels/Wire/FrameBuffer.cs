using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Presence.Channels;

/// <summary>A growing buffer for one frame, kept per thread; the frame leaves it as an array of its exact size.</summary>
internal sealed class FrameBuffer
{
    private const int KeepUpTo = 256 * 1024;

    [ThreadStatic]
    private static FrameBuffer? s_idle;

    /// <summary>Escapes no more than JSON asks for; what is written here never becomes part of a page.</summary>
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

    public void StringOrNull(string? text)
    {
        if (text is null)
        {
            Raw("null"u8);
        }
        else
        {
            String(text);
        }
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
        if (_bytes.Capacity <= KeepUpTo)
        {
            _bytes.ResetWrittenCount();
            s_idle = this;
        }

        return frame;
    }

    private static bool IsPlain(string text)
    {
        foreach (var c in text)
        {
            if (c is < ' ' or '"' or '\\' or > '~')
            {
                return false;
            }
        }

        return true;
    }
}
