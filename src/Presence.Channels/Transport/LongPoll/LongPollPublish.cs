using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels;

/// <summary>The frames of one POST: lines, or one frame that is the whole body.</summary>
internal static class LongPollPublish
{
    /// <summary>Frames of one request that are looked at; the stock client sends no more.</summary>
    public const int MostFrames = 100;

    private const int FirstBuffer = 4096;

    /// <returns>The status for the client.</returns>
    public static async ValueTask<int> RunAsync(ChannelServer server, LongPollSession session, HttpContext http)
    {
        var lines = http.Request.ContentType?.StartsWith("application/x-ndjson", StringComparison.OrdinalIgnoreCase) == true;
        var limit = lines ? server.Limits.MaxPollBytes : Math.Min(server.Limits.MaxFrameBytes, server.Limits.MaxPollBytes);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBuffer, limit + 1));
        try
        {
            var length = 0;
            while (true)
            {
                if (length > limit)
                {
                    return TooBig(server);
                }

                if (length == buffer.Length)
                {
                    Grow(ref buffer, limit);
                }

                var read = await http.Request.Body.ReadAsync(buffer.AsMemory(length), http.RequestAborted);
                if (read == 0)
                {
                    break;
                }

                length += read;
            }

            return await HandleAsync(server, session, buffer.AsMemory(0, length), lines);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or BadHttpRequestException)
        {
            return StatusCodes.Status400BadRequest;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static void Grow(ref byte[] buffer, int limit)
    {
        var larger = ArrayPool<byte>.Shared.Rent((int)Math.Min(buffer.Length * 2L, limit + 1L));
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private static ValueTask<int> HandleAsync(
        ChannelServer server, LongPollSession session, ReadOnlyMemory<byte> body, bool lines)
    {
        if (!lines)
        {
            return FrameAsync(session, body);
        }

        // A frame too big spoils the whole request before any of it is done.
        var rest = body;
        while (TryLine(ref rest, out var line))
        {
            if (line.Length > MostBytes(server, line))
            {
                return new(TooBig(server));
            }
        }

        return LinesAsync(server, session, body);
    }

    private static async ValueTask<int> LinesAsync(ChannelServer server, LongPollSession session, ReadOnlyMemory<byte> body)
    {
        var count = 0;
        while (TryLine(ref body, out var line))
        {
            if (line.IsEmpty)
            {
                continue;
            }

            if (++count > MostFrames)
            {
                server.Instruments.Dropped("poll_batch");
                continue;
            }

            var status = IsText(line) ? await FrameAsync(session, line) : await BinaryFrameAsync(session, line);
            if (status != StatusCodes.Status200OK)
            {
                return status;
            }
        }

        return StatusCodes.Status200OK;
    }

    /// <summary>A text frame. What closes a WebSocket ends a session.</summary>
    private static async ValueTask<int> FrameAsync(LongPollSession session, ReadOnlyMemory<byte> text)
    {
        if (Utf8.IsValid(text.Span))
        {
            await session.Session.ReceiveAsync(text, binary: false);
        }
        else
        {
            session.Session.RefuseMalformed();
        }

        return session.Transport.IsShut ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
    }

    private static async ValueTask<int> BinaryFrameAsync(LongPollSession session, ReadOnlyMemory<byte> base64)
    {
        var bytes = ArrayPool<byte>.Shared.Rent(Base64.GetMaxDecodedFromUtf8Length(base64.Length));
        try
        {
            if (Base64.DecodeFromUtf8(base64.Span, bytes, out _, out var length) == OperationStatus.Done)
            {
                await session.Session.ReceiveAsync(bytes.AsMemory(0, length), binary: true);
            }
            else
            {
                session.Session.RefuseMalformed();
            }

            return session.Transport.IsShut ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private static bool TryLine(ref ReadOnlyMemory<byte> rest, out ReadOnlyMemory<byte> line)
    {
        line = default;
        if (rest.IsEmpty)
        {
            return false;
        }

        var end = rest.Span.IndexOf((byte)'\n');
        line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        if (!line.IsEmpty && line.Span[^1] == '\r')
        {
            line = line[..^1];
        }

        return true;
    }

    /// <summary>Both versions of the protocol begin a text frame with a character that base64 does not have.</summary>
    private static bool IsText(ReadOnlyMemory<byte> line) => line.Span[0] is (byte)'[' or (byte)'{';

    private static int MostBytes(ChannelServer server, ReadOnlyMemory<byte> line) =>
        line.IsEmpty || IsText(line) ? server.Limits.MaxFrameBytes : Base64.GetMaxEncodedToUtf8Length(server.Limits.MaxFrameBytes);

    private static int TooBig(ChannelServer server)
    {
        server.Instruments.Dropped("frame_too_big");
        return StatusCodes.Status413PayloadTooLarge;
    }
}
