using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Runtime;

/// <summary>One connection: handles its frames in order and passes them to its channels.</summary>
internal sealed partial class SocketConnection : IWaitingClient
{
    private const int MaxAnsweredTopic = 1024;
    private const int MaxEvent = 255;

    /// <summary>Frames that cost about as much to handle as a join.</summary>
    private const double FramesOfJoin = 4;

    private readonly Lock _gate = new();
    private readonly SocketRoutes _routes;
    private readonly SocketTransport _transport;
    private readonly Dictionary<string, ChannelActor> _channels = new(1, StringComparer.Ordinal);
    private IDisposable? _disconnects;
    private long _lastReceived;
    private bool _ended;

    public SocketConnection(
        ChannelServer server,
        PresenceSocket socket,
        SocketRoutes routes,
        IFrameSerializer serializer,
        SocketTransport transport)
    {
        Server = server;
        Socket = socket;
        Serializer = serializer;
        _routes = routes;
        _transport = transport;
        transport.Connection = this;
        _lastReceived = server.Time.GetTimestamp();
        User = socket.Id;
        _rate = new InputRate(server.Limits, _lastReceived);
    }

    public ChannelServer Server { get; }
    public PresenceSocket Socket { get; }
    public IFrameSerializer Serializer { get; }

    /// <summary>Gets the socket's ID, read once.</summary>
    public string? User { get; }

    /// <summary>Gets the key of the client's address.</summary>
    public UInt128 Address { get; init; }

    /// <summary>Gets whether sessions end with the connection: its user was disconnected, not its network.</summary>
    public bool EndsSessions { get; private set; }

    public bool CanSend(ChannelPayload payload)
    {
        if (!payload.IsBinary || Serializer.SupportsBinary)
        {
            return true;
        }

        Server.Instruments.Dropped("binary_to_v1");
        return false;
    }

    public void Send(OutFrame frame) => _transport.Send(frame);

    public void Close(int code)
    {
        CancelResume();
        _transport.Close(code);
    }

    /// <summary>Subscribes to disconnects of the socket's ID.</summary>
    public void Open()
    {
        if (User is { } id)
        {
            _disconnects = Server.Node.PubSub.Subscribe(id, message =>
            {
                if (message.Event == PhoenixEvents.Disconnect)
                {
                    EndsSessions = true;
                    Close(CloseCodes.GoingAway);
                }
            });
        }
    }

    /// <summary>Ends every channel after the connection has closed.</summary>
    public void End()
    {
        CancelResume();
        ChannelActor[] channels;
        lock (_gate)
        {
            _ended = true;
            channels = [.. _channels.Values];
        }

        foreach (var channel in channels)
        {
            channel.PostEnd(TerminationReason.SocketClosed);
        }

        _ = EndAsync(channels);
    }

    private async Task EndAsync(ChannelActor[] channels)
    {
        await AbandonAfterTimeoutAsync(channels);

        // Not before the channels listen for it themselves, with detached sessions.
        _disconnects?.Dispose();
    }

    /// <summary>Abandons channels that do not terminate in time, so that their presences are removed.</summary>
    private async Task AbandonAfterTimeoutAsync(ChannelActor[] channels)
    {
        try
        {
            var ended = Task.WhenAll(channels.Select(channel => channel.Ended));
            await ended.WaitAsync(Server.Limits.TerminateTimeout, Server.Time);
        }
        catch (TimeoutException)
        {
            foreach (var channel in channels)
            {
                channel.Abandon();
            }
        }

        ReleaseAll();
    }

    public void Forget(ChannelActor channel)
    {
        lock (_gate)
        {
            if (_channels.TryGetValue(channel.Topic, out var known) && ReferenceEquals(known, channel))
            {
                _channels.Remove(channel.Topic);
            }
        }
    }

    /// <summary>Closes an idle connection, and aborts one that does not accept its frames.</summary>
    public void Sweep(long now)
    {
        CheckToken();
        if (_transport.CutOffIfStuck(now))
        {
            return;
        }

        if (Server.Time.GetElapsedTime(Volatile.Read(ref _lastReceived), now) > _transport.IdleTimeout)
        {
            Server.Instruments.Closed("idle");

            // Not 1000: after that, older stock clients do not reconnect.
            Close(CloseCodes.GoingAway);
        }
    }

    /// <summary>Records activity of the client, such as a poll.</summary>
    public void Touch() => Volatile.Write(ref _lastReceived, Server.Time.GetTimestamp());

    /// <summary>Counts an undecodable frame and closes the connection.</summary>
    public void RejectMalformed()
    {
        Server.Instruments.Dropped("malformed");
        Close(CloseCodes.InvalidPayload);
    }

    /// <summary>Handles one frame. A join is awaited: later frames wait.</summary>
    public ValueTask ReceiveAsync(ReadOnlyMemory<byte> bytes, bool binary)
    {
        if (_transport.IsAliveByFrames)
        {
            Touch();
        }

        if (!Serializer.TryDecode(bytes, binary, out var frame))
        {
            RejectMalformed();
            return default;
        }

        if (frame.Topic.Length > MaxAnsweredTopic)
        {
            // An answer repeats the topic: the client would make this node send as much as it has sent.
            Server.Instruments.Dropped("topic_too_long");
            Server.Instruments.Closed("topic_too_long");
            Close(CloseCodes.PolicyViolation);
            return default;
        }

        if (frame.Event.Length > MaxEvent)
        {
            Server.Instruments.Dropped("event_too_long");
            Answer(frame, ChannelReply.Error(PhoenixReasons.EventTooLong));
            return default;
        }

        if (frame.Rejection is { } rejection)
        {
            Server.Instruments.Dropped("invalid_payload");
            Send(rejection);
            return default;
        }

        if (frame.Event == PhoenixEvents.AccessToken && Socket.Token is not null)
        {
            return RenewAsync(frame);
        }

        if (frame.Event == PhoenixEvents.Join)
        {
            return JoinAsync(frame);
        }

        Route(frame);
        return default;
    }

    private void Route(in InFrame frame)
    {
        if (frame.Topic == PhoenixEvents.PhoenixTopic && frame.Event == PhoenixEvents.Heartbeat)
        {
            Answer(frame, ChannelReply.Ok());
            CountHeartbeat();
            return;
        }

        if (Find(frame.Topic) is not { } channel)
        {
            var isLeave = frame.Event == PhoenixEvents.Leave;
            Answer(frame, isLeave ? ChannelReply.Ok() : ChannelReply.Error(PhoenixReasons.UnmatchedTopic));
        }
        else if (!frame.JoinRef.IsNull && frame.JoinRef != channel.JoinRef)
        {
            // Sent for an earlier join of the same topic.
            Server.Instruments.Dropped("stale");
        }
        else if (frame.Event == PhoenixEvents.Leave)
        {
            channel.PostLeave(frame.Ref);
        }
        else
        {
            channel.PostIn(frame);
        }
    }

    private async ValueTask JoinAsync(InFrame frame)
    {
        if (Rejection(frame.Topic, out var route) is { } rejection)
        {
            Answer(frame, ChannelReply.Error(rejection));
            return;
        }

        Charge(FramesOfJoin);
        var old = Find(frame.Topic);
        if (old is not null)
        {
            await ReplaceAsync(old);
        }

        var channel = Admit(frame, route!);
        if (channel is not null)
        {
            var accepted = await channel.JoinAsync(frame.Payload.Detached(), frame.Ref);
            old?.SendClose();
            old?.EndSession();
            if (accepted)
            {
                channel.Start();
            }
        }
    }

    /// <summary>Returns why the topic cannot be joined, or null.</summary>
    private ChannelPayload? Rejection(string topic, out ChannelRoute? route)
    {
        route = null;
        if (System.Text.Encoding.UTF8.GetByteCount(topic) > Server.Limits.MaxTopicBytes)
        {
            return PhoenixReasons.TopicTooLong;
        }

        route = _routes.Find(topic);
        if (route is null)
        {
            return PhoenixReasons.UnmatchedTopic;
        }

        lock (_gate)
        {
            return _channels.Count >= Server.Limits.MaxChannelsPerSocket && !_channels.ContainsKey(topic)
                ? PhoenixReasons.TooManyChannels
                : null;
        }
    }

    private ChannelActor? Admit(in InFrame frame, ChannelRoute route)
    {
        try
        {
            var grace = route.Grace ?? Server.Grace;
            var channel = new ChannelActor(
                this, route.Create(Server.Services), frame.Topic, frame.JoinRef, grace);
            lock (_gate)
            {
                _channels[frame.Topic] = channel;
                if (_ended)
                {
                    channel.PostEnd(TerminationReason.SocketClosed);
                }
            }

            return channel;
        }
        catch (Exception e)
        {
            Server.Log.JoinFailed(e, frame.Topic, route.Name);
            Server.Instruments.Failed("join");
            Answer(frame, ChannelReply.Error(PhoenixReasons.JoinCrashed));
            return null;
        }
    }

    private async ValueTask ReplaceAsync(ChannelActor old)
    {
        old.PostEnd(TerminationReason.Replaced);
        try
        {
            await old.Ended.WaitAsync(Server.Limits.TerminateTimeout, Server.Time);
        }
        catch (TimeoutException)
        {
            old.Abandon();
        }
    }

    /// <summary>Returns the channel that has joined a topic, or null.</summary>
    public ChannelActor? Find(string topic)
    {
        lock (_gate)
        {
            return _channels.GetValueOrDefault(topic);
        }
    }

    private void CountHeartbeat()
    {
        lock (_gate)
        {
            foreach (var channel in _channels.Values)
            {
                channel.CountHeartbeat();
            }
        }
    }

    private void Answer(in InFrame frame, ChannelReply reply) =>
        Send(Serializer.Reply(frame.JoinRef, frame.Ref, frame.Topic, reply));
}
