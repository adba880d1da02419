using System.Text.Json;
using Presence.Channels.Sessions;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Runtime;

/// <summary>
/// The session of the channel's presences: opened or resumed before the join, detached or ended with the channel.
/// </summary>
internal sealed partial class ChannelActor
{
    private static ReadOnlySpan<byte> Resume => "resume"u8;

    /// <summary>Heartbeats after the join of which one was certainly sent after its reply had arrived.</summary>
    private const int ConfirmingHeartbeats = 2;

    private readonly TimeSpan _grace;
    private ResumeResult? _resume;
    private bool _asksToResume;
    private int _heartbeats;

    /// <summary>Gets whether the presences of an earlier join are continued.</summary>
    public bool IsResumed => _resume is { IsResumed: true };

    /// <summary>Gets the presences that the session had when it was resumed.</summary>
    public IReadOnlyList<PresenceEntry> ResumedPresences => IsResumed ? _resume!.Presences : [];

    private string Identity => $"{Connection.Socket.GetType().FullName}\n{Connection.User}";

    private PresenceSessionOptions PresenceSessionOptions =>
        new() { Label = "channel " + Topic, Grace = _grace, OnEnded = OnSessionEnded, OnMessage = Receive };

    /// <summary>Gets the owner of this channel's presences; opened on first use, or by a join with a grace.</summary>
    public PresenceSession PresenceSession
    {
        get
        {
            lock (_resourcesGate)
            {
                if (_presenceSession is null)
                {
                    _presenceSession = Server.Node.OpenSession(PresenceSessionOptions);
                    if (IsDetached)
                    {
                        _presenceSession.End();
                    }
                }

                return _presenceSession;
            }
        }
    }

    /// <summary>Records that the client has received the reply to its join: it sent a frame after it.</summary>
    public void Confirm() => Volatile.Read(ref _presenceSession)?.Confirm();

    /// <summary>Confirms with the second heartbeat: the first one may have crossed the reply.</summary>
    public void CountHeartbeat()
    {
        if (_grace > TimeSpan.Zero && _joined is not null && ++_heartbeats >= ConfirmingHeartbeats)
        {
            Confirm();
        }
    }

    /// <summary>Ends the session, unless it was resumed by a later join.</summary>
    public void EndSession() => Volatile.Read(ref _presenceSession)?.End();

    /// <summary>Resumes the session that the client names.</summary>
    /// <returns>False if the client disconnected meanwhile, or this node stops: nothing was taken.</returns>
    private async ValueTask<bool> ResumeAsync(ChannelPayload payload)
    {
        if (_grace == TimeSpan.Zero || ResumeParameter(payload) is not { } text)
        {
            return true;
        }

        _asksToResume = true;
        var (token, rejection) = Server.ResumeTokens.Read(text, Topic, Identity);
        if (token is null)
        {
            Server.Instruments.TokenRejected(rejection!);
            Server.Instruments.Resumed("token_rejected");
            return true;
        }

        if (await Connection.ResumeAsync(token, PresenceSessionOptions) is not { } resume)
        {
            Server.Instruments.Resumed("canceled");
            return false;
        }

        Server.Instruments.Resumed(resume.IsResumed ? resume.Outcome.ToString() : resume.Failure.ToString());
        lock (_resourcesGate)
        {
            (_resume, _presenceSession) = (resume, resume.Session);
            if (IsDetached)
            {
                resume.Session.Detach();
            }
        }

        return true;
    }

    /// <summary>
    /// Adds to the reply to a join the token, whether the session was resumed, and whether the client may keep its
    /// presences: then a <c>presence_diff</c> or <c>presence_state</c> follows that fits to them.
    /// </summary>
    private ChannelPayload WithSession(ChannelPayload response)
    {
        var json = response.Bytes.Span;
        var end = json.LastIndexOf((byte)'}');
        if (response.IsBinary || end < 0 || json.TrimStart(" \t\r\n"u8) is not [(byte)'{', ..])
        {
            Cursor = null;
            return response;
        }

        var fields = Cursor is null ? "" : ",\"presence\":\"resumed\"";
        if (_grace > TimeSpan.Zero && PresenceSession.Token is { } token)
        {
            fields += $",\"resume\":\"{Server.ResumeTokens.Protect(token, Topic, Identity)}\"";
            fields += !_asksToResume ? "" : IsResumed ? ",\"resumed\":true" : ",\"resumed\":false";
        }

        if (fields.Length == 0)
        {
            return response;
        }

        var isEmpty = json[..end].TrimEnd(" \t\r\n"u8) is [.., (byte)'{'];
        var tail = (isEmpty ? fields[1..] : fields) + "}";
        return ChannelPayload.Trusted((byte[])[.. json[..end], .. System.Text.Encoding.UTF8.GetBytes(tail)]);
    }

    /// <summary>Returns the parameter <c>resume</c>; null if there is none.</summary>
    private static string? ResumeParameter(ChannelPayload payload) => Parameter(payload, Resume) switch
    {
        null or { ValueKind: JsonValueKind.Null } => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        _ => "",
    };

    /// <summary>Pushes a message to the client, or gives it to a channel that intercepts the event.</summary>
    private bool Receive(SessionMessage message)
    {
        var payload = ChannelPayload.Trusted(message.Json);
        if (IsDetached || _joined is null || message.Name.StartsWith("phx_", StringComparison.Ordinal))
        {
            return false;
        }

        if (_intercepted.Contains(message.Name))
        {
            return Post(new(ChannelMessageKind.Out, message.Name, default, payload, null));
        }

        Connection.Send(Connection.Serializer.Push(JoinRef, Topic, message.Name, payload));
        return true;
    }

    private void OnSessionEnded(PresenceSession session, LeaveReason reason)
    {
        // A node that stops has handed the session over; its clients are to come back elsewhere, which they would not
        // do after a phx_close.
        if (reason == LeaveReason.Superseded && !Server.IsLeaving)
        {
            PostEnd(TerminationReason.Superseded);
        }
    }

    /// <param name="session">The session.</param>
    /// <param name="keeps">Whether the client may come back to the session.</param>
    private void ReleaseSession(PresenceSession session, bool keeps)
    {
        if (session.IsResumable && keeps && !Connection.EndsSessions)
        {
            DetachedSession.Detach(Server, session, Connection.User);
            if (Connection.EndsSessions)
            {
                session.End();
            }
        }
        else if (session.IsResumable || !Server.IsLeaving)
        {
            // A stopping node removes its other presences with one leave frame; ending each would flood the cluster.
            session.End();
        }
    }
}
