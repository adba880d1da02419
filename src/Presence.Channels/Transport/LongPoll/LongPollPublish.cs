using System.Buffers;
using System.Buffers.Text;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>Handles the frames of one POST: lines, or the whole body as one frame.</summary>
internal static class LongPollPublish
{
    /// <summary>Maximum of frames per request; the stock client sends no more.</summary>
    public const int MaxFrames = 100;

    private const int FirstBuffer = 4096;

    public static bool IsLines(HttpRequest request) =>
        request.ContentType?.StartsWith("application/x-ndjson", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>Reads the body and has it handled.</summary>
    /// <returns>The status for the client.</returns>
    public static async ValueTask<int> ReadAsync(
        ChannelServer server, HttpRequest request, Func<ReadOnlyMemory<byte>, ValueTask<int>> handle)
    {
        var stop = request.HttpContext.RequestAborted;
        var lines = IsLines(request);
        var (frame, body) = (server.Limits.MaxFrameBytes, server.Limits.MaxLongPollBytes);
        var limit = lines ? body : Math.Min(frame, body);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBuffer, limit + 1));
        using var held = server.Sockets.Hold(request.HttpContext);
        held.Set(buffer.Length);
        try
        {
            var length = 0;
            while (true)
            {
                if (length > limit)
                {
                    return TooLarge(server);
                }

                if (length == buffer.Length)
                {
                    FrameBuffer.GrowRented(ref buffer, limit);
                    held.Set(buffer.Length);
                }

                var read = await request.Body.ReadAsync(buffer.AsMemory(length), stop);
                if (read == 0)
                {
                    break;
                }

                length += read;
            }

            // A frame that is too large rejects the whole request before any frame is handled.
            for (ReadOnlyMemory<byte> rest = buffer.AsMemory(0, lines ? length : 0); TryLine(ref rest, out var line);)
            {
                if (line.Length > MaxLineBytes(server, line))
                {
                    return TooLarge(server);
                }
            }

            return await handle(buffer.AsMemory(0, length));
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

    /// <summary>Handles a body that has been read, after the earlier ones of the connection.</summary>
    /// <returns>The status for the client.</returns>
    public static async ValueTask<int> RunAsync(
        ChannelServer server, LongPollConnection? connection, ReadOnlyMemory<byte> body, bool lines)
    {
        // A closed connection has ended, even if its last frames were not fetched.
        if (connection is not { Transport.IsClosed: false })
        {
            return StatusCodes.Status410Gone;
        }

        if (!await connection.AcquireAsync(server.Limits.LongPollTimeout, server.Time))
        {
            server.Instruments.Dropped("publish_timeout");
            return StatusCodes.Status408RequestTimeout;
        }

        try
        {
            // A request without frames costs something too.
            await SlowDownAsync(connection, 0);
            return await (lines ? LinesAsync(server, connection, body) : FrameAsync(connection, body));
        }
        finally
        {
            connection.Leave();
        }
    }

    /// <summary>Returns the lines that fit into one message to another node: at least one line.</summary>
    public static ReadOnlyMemory<byte> TakeLines(ref ReadOnlyMemory<byte> rest, int limit)
    {
        var all = rest;
        var taken = 0;
        while (TryLine(ref rest, out _) && (taken == 0 || all.Length - rest.Length <= limit))
        {
            taken = all.Length - rest.Length;
        }

        rest = all[taken..];
        return all[..taken];
    }

    private static async ValueTask<int> LinesAsync(
        ChannelServer server, LongPollConnection connection, ReadOnlyMemory<byte> body)
    {
        var count = 0;
        while (TryLine(ref body, out var line))
        {
            if (line.IsEmpty)
            {
                continue;
            }

            if (++count > MaxFrames)
            {
                server.Instruments.Dropped("poll_batch");
                continue;
            }

            var status = IsText(line) ? await FrameAsync(connection, line) : await BinaryFrameAsync(connection, line);
            if (status != StatusCodes.Status200OK)
            {
                return status;
            }
        }

        return StatusCodes.Status200OK;
    }

    private static async ValueTask<int> FrameAsync(LongPollConnection connection, ReadOnlyMemory<byte> text)
    {
        await SlowDownAsync(connection, text.Length);
        if (Utf8.IsValid(text.Span))
        {
            await connection.Connection.ReceiveAsync(text, binary: false);
        }
        else
        {
            connection.Connection.RejectMalformed();
        }

        return connection.Transport.IsClosed ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
    }

    private static Task SlowDownAsync(LongPollConnection connection, int bytes) =>
        connection.Connection.SlowDownAsync(1, bytes) ?? Task.CompletedTask;

    private static async ValueTask<int> BinaryFrameAsync(LongPollConnection connection, ReadOnlyMemory<byte> base64)
    {
        await SlowDownAsync(connection, base64.Length);
        var bytes = ArrayPool<byte>.Shared.Rent(Base64.GetMaxDecodedFromUtf8Length(base64.Length));
        try
        {
            if (Base64.DecodeFromUtf8(base64.Span, bytes, out _, out var length) == OperationStatus.Done)
            {
                await connection.Connection.ReceiveAsync(bytes.AsMemory(0, length), binary: true);
            }
            else
            {
                connection.Connection.RejectMalformed();
            }

            return connection.Transport.IsClosed ? StatusCodes.Status400BadRequest : StatusCodes.Status200OK;
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

    // Text frames of both versions begin with a character that base64 does not contain.
    private static bool IsText(ReadOnlyMemory<byte> line) => line.Span[0] is (byte)'[' or (byte)'{';

    private static int MaxLineBytes(ChannelServer server, ReadOnlyMemory<byte> line) =>
        line.IsEmpty || IsText(line)
            ? server.Limits.MaxFrameBytes
            : Base64.GetMaxEncodedToUtf8Length(server.Limits.MaxFrameBytes);

    private static int TooLarge(ChannelServer server)
    {
        server.Instruments.Dropped("frame_too_big");
        return StatusCodes.Status413PayloadTooLarge;
    }
}
