using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Presence.Channels.Runtime;
using Presence.Node;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>
/// Forwards requests of long-poll connections to the nodes that own them, by pub/sub. Topics contain the random IDs of
/// servers, so that no client can join them.
/// </summary>
/// <remarks>
/// A message begins with the ID of the request and the ID of the sending server. A request goes on with the ID of the
/// connection and its data; an answer with its part number, whether it is the last part, and data.
/// </remarks>
internal sealed class LongPollForwarder : IDisposable
{
    private const int IdLength = 16;
    private const int HeaderLength = 3 * IdLength;

    // Requests of other nodes that run here, and requests from here that wait for other nodes.
    private const int MaxRequests = 10_000;
    private const int MaxPart = 256 * 1024;

    private readonly ChannelServer _server;
    private readonly int _partLength;
    private readonly IDisposable _subscription;
    private readonly ConcurrentDictionary<Guid, Waiting> _waiting = new();
    private readonly ConcurrentDictionary<Guid, CancellationTokenSource> _running = new();

    public LongPollForwarder(ChannelServer server, IOptions<PresenceOptions> options)
    {
        _server = server;
        _partLength = Math.Max(1, Math.Min(MaxPart, options.Value.MaxMessageBytes - HeaderLength));
        _subscription = server.Node.PubSub.Subscribe(Topic(Id), OnMessage);
    }

    /// <summary>Handles a request of a connection here; writes the answer.</summary>
    internal delegate Task Handler(
        string request, Guid connection, ReadOnlyMemory<byte> data, IBufferWriter<byte> answer, CancellationToken stop);

    /// <summary>Gets the ID of this start of the server.</summary>
    public Guid Id { get; } = LongPollAddress.NewId();

    /// <summary>Gets the largest data of a request.</summary>
    public int MaxData => _partLength;

    public Handler? Serve { get; set; }

    /// <summary>Returns whether the node of a connection is not known to be gone.</summary>
    public bool IsReachable(LongPollAddress address) =>
        address.Server != Id && _server.Node.Nodes().Any(node => node.Name == address.Node && node.Status != "down");

    /// <summary>Sends a request to the owner of the connection and waits for the answer.</summary>
    /// <returns>The answer; null if none came in time.</returns>
    public async Task<ReadOnlyMemory<byte>?> RequestAsync(
        string request, LongPollAddress to, ReadOnlyMemory<byte> data, CancellationToken aborted)
    {
        var id = Guid.NewGuid();
        var waiting = new Waiting();
        if (_waiting.Count >= MaxRequests || !_waiting.TryAdd(id, waiting))
        {
            return null;
        }

        try
        {
            Send(to.Server, request, id, to.Connection.ToByteArray(), data.Span);
            return await waiting.Answer.Task.WaitAsync(_server.Limits.LongPollTimeout * 1.5, _server.Time, aborted);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Frames of a client that has gone stay queued for its next poll.
            Send(to.Server, Requests.Cancel, id, to.Connection.ToByteArray(), default);
            return null;
        }
        finally
        {
            _waiting.TryRemove(id, out _);
        }
    }

    public void Dispose() => _subscription.Dispose();

    private static string Topic(Guid server) => $"presence.longpoll.{server:N}";

    private void Send(Guid to, string name, Guid request, ReadOnlySpan<byte> header, ReadOnlySpan<byte> data)
    {
        byte[] body = [.. request.ToByteArray(), .. Id.ToByteArray(), .. header, .. data];
        _server.Node.PubSub.Broadcast(new PubSubMessage(Topic(to), name, body, IsBinary: true));
    }

    private void OnMessage(PubSubMessage message)
    {
        if (message.Body.Length < HeaderLength)
        {
            return;
        }

        var (body, request) = (message.Body, new Guid(message.Body.Span[..IdLength]));
        var header = body.Span[(2 * IdLength)..HeaderLength];
        switch (message.Event)
        {
            case Requests.Answer:
                if (_waiting.TryGetValue(request, out var waiting))
                {
                    waiting.Add(BinaryPrimitives.ReadInt32LittleEndian(header), header[4] != 0, body[HeaderLength..]);
                }

                break;
            case Requests.Cancel:
                if (_running.TryGetValue(request, out var running))
                {
                    ThreadPool.QueueUserWorkItem(static r => r.Cancel(), running, preferLocal: false);
                }

                break;
            default:
                if (_running.Count < MaxRequests && Serve is not null)
                {
                    var connection = new Guid(header);
                    var from = new Guid(body.Span[IdLength..(2 * IdLength)]);
                    _running[request] = new CancellationTokenSource();
                    _ = Task.Run(() => RunAsync(message.Event, request, from, connection, body[HeaderLength..]));
                }

                break;
        }
    }

    private async Task RunAsync(string name, Guid request, Guid from, Guid connection, ReadOnlyMemory<byte> data)
    {
        var stop = _running[request];
        try
        {
            var answer = new ArrayBufferWriter<byte>();
            await Serve!(name, connection, data, answer, stop.Token);
            var rest = answer.WrittenSpan;
            for (var part = 0; !stop.IsCancellationRequested && (part == 0 || !rest.IsEmpty); part++)
            {
                var length = Math.Min(_partLength, rest.Length);
                var header = new byte[IdLength];
                BinaryPrimitives.WriteInt32LittleEndian(header, part);
                header[4] = length == rest.Length ? (byte)1 : (byte)0;
                Send(from, Requests.Answer, request, header, rest[..length]);
                rest = rest[length..];
            }
        }
        catch (Exception e)
        {
            _server.Log.ForwardedRequestFailed(e);
        }
        finally
        {
            _running.TryRemove(request, out _);
        }
    }

    /// <summary>Names of the messages.</summary>
    internal static class Requests
    {
        public const string Poll = "poll";
        public const string Post = "post";
        public const string PostLines = "post_lines";
        public const string Cancel = "cancel";
        public const string Answer = "answer";
    }

    private sealed class Waiting
    {
        private readonly ArrayBufferWriter<byte> _parts = new();
        private int _next;

        public TaskCompletionSource<ReadOnlyMemory<byte>?> Answer { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Add(int part, bool isLast, ReadOnlyMemory<byte> data)
        {
            // Parts arrive in order; without one of them there is no answer.
            if (part != _next++)
            {
                Answer.TrySetResult(null);
                return;
            }

            _parts.Write(data.Span);
            if (isLast)
            {
                Answer.TrySetResult(_parts.WrittenMemory);
            }
        }
    }
}
