namespace Presence.Channels;

/// <summary>One connection: reads its frames in order and gives them to its channels.</summary>
internal sealed class SocketSession
{
    private readonly Lock _gate = new();
    private readonly SocketRoutes _routes;
    private readonly SocketTransport _transport;
    private readonly Dictionary<string, ChannelActor> _channels = new(1, StringComparer.Ordinal);
    private FrameRate _rate;
    private IDisposable? _disconnects;
    private long _lastReceived;
    private bool _ended;

    public SocketSession(
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
        _lastReceived = server.Time.GetTimestamp();
        _rate = new FrameRate(server.Limits, _lastReceived);
    }

    public ChannelServer Server { get; }

    public PresenceSocket Socket { get; }

    public IFrameSerializer Serializer { get; }

    public bool CanCarry(ChannelPayload payload)
    {
        if (!payload.IsBinary || Serializer.CarriesBinary)
        {
            return true;
        }

        Server.Instruments.Dropped("binary_to_v1");
        return false;
    }

    public void Send(OutFrame frame) => _transport.Send(frame);

    public void Close(int code) => _transport.Close(code);

    /// <summary>Listens for a disconnect of its id.</summary>
    public void Open()
    {
        if (Socket.Id is { } id)
        {
            _disconnects = Server.Node.PubSub.Subscribe(id, message =>
            {
                if (message.Event == WireEvents.Disconnect)
                {
                    Close(CloseCodes.GoingAway);
                }
            });
        }
    }

    /// <summary>The connection is gone: every channel ends.</summary>
    public void End()
    {
        ChannelActor[] channels;
        lock (_gate)
        {
            _ended = true;
            channels = [.. _channels.Values];
        }

        _disconnects?.Dispose();
        foreach (var channel in channels)
        {
            channel.PostEnd(ChannelEndKind.SocketClosed);
        }

        _ = GiveUpAsync(channels);
    }

    /// <summary>A channel may hang. Its client is gone all the same, and what it tracked must not stay for ever.</summary>
    private async Task GiveUpAsync(ChannelActor[] channels)
    {
        try
        {
            await Task.WhenAll(channels.Select(channel => channel.Ended)).WaitAsync(Server.Limits.TerminateTimeout, Server.Time);
        }
        catch (TimeoutException)
        {
            foreach (var channel in channels)
            {
                channel.Abandon();
            }
        }
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

    /// <summary>Closes what is idle and cuts off what does not take its frames.</summary>
    public void Sweep(long now)
    {
        if (_transport.CutOffIfStuck(now))
        {
            return;
        }

        if (Server.Time.GetElapsedTime(Volatile.Read(ref _lastReceived), now) > _transport.IdleTimeout)
        {
            Server.Instruments.Closed("idle");

            // Not 1000: older stock clients take that for the end and do not connect again.
            Close(CloseCodes.GoingAway);
        }
    }

    /// <summary>The client has been heard of, if only by a request for frames.</summary>
    public void Touch() => Volatile.Write(ref _lastReceived, Server.Time.GetTimestamp());

    /// <summary>What came is no frame: whoever sends such a thing is not understood.</summary>
    public void RefuseMalformed()
    {
        Server.Instruments.Dropped("malformed");
        Close(CloseCodes.InvalidPayload);
    }

    /// <summary>Handles one frame. A join is awaited: what comes after it waits.</summary>
    public ValueTask ReceiveAsync(ReadOnlyMemory<byte> bytes, bool binary)
    {
        var now = Server.Time.GetTimestamp();
        Volatile.Write(ref _lastReceived, now);
        if (!_rate.Take(Server, now))
        {
            Server.Instruments.Closed("rate");
            Close(CloseCodes.PolicyViolation);
            return default;
        }

        if (!Serializer.TryDecode(bytes, binary, out var frame))
        {
            RefuseMalformed();
            return default;
        }

        if (frame.Event == WireEvents.Join)
        {
            return JoinAsync(frame);
        }

        Route(frame);
        return default;
    }

    private void Route(in InFrame frame)
    {
        if (frame.Topic == WireEvents.PhoenixTopic && frame.Event == WireEvents.Heartbeat)
        {
            Answer(frame, ChannelReply.Ok());
            return;
        }

        if (Find(frame.Topic) is not { } channel)
        {
            Answer(frame, frame.Event == WireEvents.Leave
                ? ChannelReply.Ok()
                : ChannelReply.Error(WireReasons.UnmatchedTopic));
        }
        else if (frame.JoinRef is not null && frame.JoinRef != channel.JoinRef)
        {
            // Meant for an earlier join of the same topic.
            Server.Instruments.Dropped("stale");
        }
        else if (frame.Event == WireEvents.Leave)
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
        if (Refusal(frame.Topic, out var route) is { } refusal)
        {
            Answer(frame, ChannelReply.Error(refusal));
            return;
        }

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
            if (accepted)
            {
                channel.Start();
            }
        }
    }

    /// <summary>Why nobody may join this topic, if so.</summary>
    private ChannelPayload? Refusal(string topic, out ChannelRoute? route)
    {
        route = null;
        if (System.Text.Encoding.UTF8.GetByteCount(topic) > Server.Limits.MaxTopicBytes)
        {
            return WireReasons.TopicTooLong;
        }

        route = _routes.Find(topic);
        if (route is null)
        {
            return WireReasons.UnmatchedTopic;
        }

        lock (_gate)
        {
            return _channels.Count >= Server.Limits.MaxChannelsPerSocket && !_channels.ContainsKey(topic)
                ? WireReasons.TooManyChannels
                : null;
        }
    }

    private ChannelActor? Admit(in InFrame frame, ChannelRoute route)
    {
        try
        {
            var channel = new ChannelActor(this, route.Create(Server.Services), frame.Topic, frame.JoinRef);
            lock (_gate)
            {
                _channels[frame.Topic] = channel;
                if (_ended)
                {
                    channel.PostEnd(ChannelEndKind.SocketClosed);
                }
            }

            return channel;
        }
        catch (Exception e)
        {
            Server.Log.JoinCrashed(e, frame.Topic);
            Server.Instruments.Crashed("join");
            Answer(frame, ChannelReply.Error(WireReasons.JoinCrashed));
            return null;
        }
    }

    private async ValueTask ReplaceAsync(ChannelActor old)
    {
        old.PostEnd(ChannelEndKind.Replaced);
        try
        {
            await old.Ended.WaitAsync(Server.Limits.TerminateTimeout, Server.Time);
        }
        catch (TimeoutException)
        {
            old.Abandon();
        }
    }

    /// <summary>The channel that has joined a topic, if one has.</summary>
    public ChannelActor? Find(string topic)
    {
        lock (_gate)
        {
            return _channels.GetValueOrDefault(topic);
        }
    }

    private void Answer(in InFrame frame, ChannelReply reply) =>
        Send(Serializer.Reply(frame.JoinRef, frame.Ref, frame.Topic, reply));
}
