using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Presence.Channels;

/// <summary>One connection by long poll.</summary>
internal sealed class LongPollSession(SocketSession session, LongPollTransport transport)
{
    /// <summary>Publishes of one session that may wait for each other.</summary>
    private const int MostWaiting = 16;

    private readonly Queue<TaskCompletionSource> _waiting = new();
    private bool _isTaken;

    public SocketSession Session => session;

    public LongPollTransport Transport => transport;

    /// <summary>Frames are handled in the order of the requests that brought them.</summary>
    /// <returns>False if those before did not get done in time, or too many wait already.</returns>
    public async ValueTask<bool> TakeTurnAsync(TimeSpan patience, TimeProvider time)
    {
        TaskCompletionSource turn;
        lock (_waiting)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return true;
            }

            if (_waiting.Count >= MostWaiting)
            {
                return false;
            }

            _waiting.Enqueue(turn = new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        try
        {
            await turn.Task.WaitAsync(patience, time);
            return true;
        }
        catch (TimeoutException)
        {
            // It may be this one's turn since a moment ago; whoever sets the task first decides.
            return !turn.TrySetCanceled();
        }
    }

    public void EndTurn()
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

            _isTaken = false;
        }
    }
}

/// <summary>The long-poll sessions of this member, by what their tokens name.</summary>
internal sealed class LongPollSessions(ChannelServer server, SocketTokens tokens)
{
    private const string TokenPrefix = "lp.";
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromDays(14);

    private readonly ConcurrentDictionary<string, LongPollSession> _sessions = new(StringComparer.Ordinal);

    public int Count => _sessions.Count;

    /// <summary>Whether the text looks like a session's token: it may stand where a user's token is looked for.</summary>
    public static bool IsSessionToken(string token) => token.StartsWith(TokenPrefix, StringComparison.Ordinal);

    /// <summary>Opens a session.</summary>
    /// <returns>Its token, or null if the member is full or on its way out.</returns>
    public string? Open(Admission admission)
    {
        var id = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        SocketSession session = null!;
        var transport = new LongPollTransport(server, () => End(id, session));
        var serializer = FrameSerializers.WithoutBinaryFrames(admission.Serializer);
        session = new SocketSession(server, admission.Socket, admission.Routes, serializer, transport);
        if (!server.Sockets.TryAdd(session))
        {
            return null;
        }

        _sessions[id] = new LongPollSession(session, transport);
        session.Open();
        return TokenPrefix + tokens.Create(Purpose(admission.Routes.SocketType), id, TokenLifetime);
    }

    /// <summary>The session of a token of this kind of socket, if it lives on this member.</summary>
    public LongPollSession? Find(Type socketType, string token) =>
        IsSessionToken(token)
        && tokens.TryRead(Purpose(socketType), token[TokenPrefix.Length..]) is { } id
        && _sessions.TryGetValue(id, out var session)
            ? session
            : null;

    private static string Purpose(Type socketType) => "longpoll:" + socketType.FullName;

    private void End(string id, SocketSession session)
    {
        if (_sessions.TryRemove(id, out _))
        {
            session.End();
            server.Sockets.Remove(session);
        }
    }
}
