using System.Collections.Concurrent;
using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>One connection by long poll.</summary>
internal sealed class LongPollConnection(SocketConnection connection, LongPollTransport transport)
{
    // Requests of one connection that may wait for each other.
    private const int MaxWaitingRequests = 16;

    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _isEntered;

    public SocketConnection Connection => connection;
    public LongPollTransport Transport => transport;

    /// <summary>Waits for earlier requests: frames are handled in the order of their requests.</summary>
    /// <returns>False if earlier requests did not end in time, or too many wait.</returns>
    public async ValueTask<bool> AcquireAsync(TimeSpan timeout, TimeProvider time)
    {
        TaskCompletionSource turn;
        lock (_waiting)
        {
            if (!_isEntered)
            {
                _isEntered = true;
                return true;
            }

            if (_waiting.Count >= MaxWaitingRequests)
            {
                return false;
            }

            _waiting.Enqueue(turn = new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        try
        {
            await turn.Task.WaitAsync(timeout, time);
            return true;
        }
        catch (TimeoutException)
        {
            // Leave may have set the task just now; the first to set it decides.
            return !turn.TrySetCanceled();
        }
    }

    public void Leave()
    {
        lock (_waiting)
        {
            while (_waiting.TryDequeue(out var next))
            {
                if (next.TrySetResult())
                {
                    return;
                }
            }

            _isEntered = false;
        }
    }
}

/// <summary>The long-poll connections of this node, by the ID in their tokens.</summary>
internal sealed class LongPollConnections(ChannelServer server, SocketTokens tokens, LongPollForwarder forwarder)
{
    private const string TokenPrefix = "lp.";
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(14);

    private readonly ConcurrentDictionary<Guid, LongPollConnection> _connections = new();

    public int Count => _connections.Count;

    /// <summary>Returns whether the text is the token of a connection and not of a user.</summary>
    public static bool IsConnectionToken(string token) => token.StartsWith(TokenPrefix, StringComparison.Ordinal);

    /// <summary>Opens a connection.</summary>
    /// <returns>Its token, or null if the node is full or stopping.</returns>
    public string? Open(HandshakeResult handshake)
    {
        var id = LongPollAddress.NewId();
        SocketConnection connection = null!;
        var transport = new LongPollTransport(server, () => End(id, connection));
        var serializer = FrameSerializers.WithoutBinaryFrames(handshake.Serializer);
        connection = new SocketConnection(server, handshake.Socket, handshake.Routes, serializer, transport)
        {
            Address = handshake.Address,
        };
        if (!server.Sockets.TryAdd(connection))
        {
            return null;
        }

        _connections[id] = new LongPollConnection(connection, transport);
        connection.Open();
        var address = new LongPollAddress(forwarder.Id, id, server.Node.Name);
        return TokenPrefix + tokens.Create(Purpose(handshake.Routes.SocketType), address.ToString(), TokenLifetime);
    }

    /// <summary>Reads the token of a connection of this socket; null if it is none.</summary>
    public LongPollAddress? Read(Type socketType, string token) => IsConnectionToken(token)
        ? LongPollAddress.Parse(tokens.TryRead(Purpose(socketType), token[TokenPrefix.Length..]))
        : null;

    /// <summary>Returns a connection that is on this node, or null.</summary>
    public LongPollConnection? Find(Guid connection) => _connections.GetValueOrDefault(connection);

    private static string Purpose(Type socketType) => "longpoll:" + socketType.FullName;

    private void End(Guid id, SocketConnection connection)
    {
        if (_connections.TryRemove(id, out _))
        {
            connection.End();
            server.Sockets.Remove(connection);
        }
    }
}
