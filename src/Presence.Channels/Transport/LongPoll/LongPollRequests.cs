using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;
using static Presence.Channels.Transport.LongPoll.LongPollForwarder;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>Handles the requests of long-poll connections, here or on the nodes that own them.</summary>
internal sealed class LongPollRequests
{
    private readonly ChannelServer _server;
    private readonly LongPollForwarder _forwarder;

    public LongPollRequests(ChannelServer server, LongPollConnections connections, LongPollForwarder forwarder)
    {
        _server = server;
        _forwarder = forwarder;
        Connections = connections;
        forwarder.Serve = ServeAsync;
    }

    public LongPollConnections Connections { get; }

    /// <summary>Waits for frames of a connection.</summary>
    /// <returns>The answer; null if there is no such connection any more.</returns>
    public async ValueTask<ReadOnlyMemory<byte>?> PollAsync(
        LongPollAddress address, string token, CancellationToken aborted)
    {
        if (Connections.Find(address.Connection) is { } connection)
        {
            var answer = new ArrayBufferWriter<byte>();
            await PollAsync(connection, token, answer, aborted);
            return answer.WrittenMemory;
        }

        return _forwarder.IsReachable(address)
            ? await ForwardAsync(Requests.Poll, address, Encoding.UTF8.GetBytes(token), aborted)
            : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>Handles frames of a client.</summary>
    /// <returns>The status for the client.</returns>
    public async ValueTask<int> PostAsync(
        LongPollAddress address, ReadOnlyMemory<byte> body, bool lines, CancellationToken aborted)
    {
        if (Connections.Find(address.Connection) is { } connection || !_forwarder.IsReachable(address))
        {
            return await LongPollPublish.RunAsync(_server, Connections.Find(address.Connection), body, lines);
        }

        var status = StatusCodes.Status200OK;
        while (status == StatusCodes.Status200OK && !body.IsEmpty)
        {
            var part = lines ? LongPollPublish.TakeLines(ref body, _forwarder.MaxData) : body;
            body = lines ? body : default;
            if (part.Length > _forwarder.MaxData)
            {
                return StatusCodes.Status413PayloadTooLarge;
            }

            var request = lines ? Requests.PostLines : Requests.Post;
            using var answer = JsonDocument.Parse(await ForwardAsync(request, address, part, aborted));
            status = answer.RootElement.GetProperty("status"u8).GetInt32();
        }

        return status;
    }

    /// <summary>Writes the body of an answer.</summary>
    public static void Write(IBufferWriter<byte> answer, int status, string? token, List<OutFrame>? frames)
    {
        using var json = new Utf8JsonWriter(answer, FrameBuffer.Relaxed);
        json.WriteStartObject();
        json.WriteNumber("status"u8, status);
        if (frames is not null)
        {
            json.WriteString("token"u8, token);
            json.WriteStartArray("messages"u8);
            foreach (var frame in frames)
            {
                json.WriteStringValueSegment(frame.Head.Span, isFinalSegment: false);
                json.WriteStringValueSegment(frame.Body.Span, isFinalSegment: true);
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }

    private static async Task PollAsync(
        LongPollConnection connection, string token, IBufferWriter<byte> answer, CancellationToken aborted)
    {
        connection.Connection.Touch();
        await (connection.Connection.MeterAsync(1, 0) ?? Task.CompletedTask);
        var frames = new List<OutFrame>();
        var polled = await connection.Transport.PollAsync(frames, aborted);
        connection.Connection.Touch();
        var status = polled switch
        {
            LongPollTransport.Polled.Frames => StatusCodes.Status200OK,
            LongPollTransport.Polled.Nothing => StatusCodes.Status204NoContent,
            _ => StatusCodes.Status410Gone,
        };
        Write(answer, status, token, frames);
    }

    /// <returns>The answer of the owner; status 500, after which clients connect again, if there is none.</returns>
    private async ValueTask<ReadOnlyMemory<byte>> ForwardAsync(
        string request, LongPollAddress address, ReadOnlyMemory<byte> data, CancellationToken aborted)
    {
        if (await _forwarder.RequestAsync(request, address, data, aborted) is { } answer)
        {
            return answer;
        }

        _server.Instruments.Dropped("forward_timeout");
        var failed = new ArrayBufferWriter<byte>();
        Write(failed, StatusCodes.Status500InternalServerError, null, null);
        return failed.WrittenMemory;
    }

    private async Task ServeAsync(
        string request, Guid id, ReadOnlyMemory<byte> data, IBufferWriter<byte> answer, CancellationToken stop)
    {
        var connection = Connections.Find(id);
        if (request == Requests.Poll && connection is not null)
        {
            await PollAsync(connection, Encoding.UTF8.GetString(data.Span), answer, stop);
            return;
        }

        var status = request == Requests.Poll
            ? StatusCodes.Status410Gone
            : await LongPollPublish.RunAsync(_server, connection, data, request == Requests.PostLines);
        Write(answer, status, null, null);
    }
}
