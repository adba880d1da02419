using Presence.Channels.Transport;
using Presence.Channels.Wire;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Runtime;

/// <summary>Runs one channel: its mailbox, topic, presences and termination.</summary>
internal sealed partial class ChannelActor : IThreadPoolWorkItem
{
    /// <summary>Receivers of a broadcast that cost about as much as the handling of a frame.</summary>
    private const double ReceiversOfFrame = 10;

    private readonly Mailbox _mailbox;
    private readonly Channel _channel;
    private readonly IReadOnlyCollection<string> _intercepted;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TopicSubscribers? _joined;
    private WireValue _currentRef;
    private bool _handlingPush;
    private bool _afterJoinDone;
    private bool _stopRequested;
    private bool _hasBroadcast;
    private int _detached;

    public ChannelActor(
        SocketConnection connection, Channel channel, string topic, WireValue joinRef, TimeSpan grace)
    {
        Connection = connection;
        Topic = topic;
        JoinRef = joinRef;
        _grace = grace;
        _channel = channel;
        _mailbox = new Mailbox(connection.Server.Limits.MaxMailboxMessages);
        channel.Attach(this);
        _intercepted = channel.InterceptedEvents;
    }

    public SocketConnection Connection { get; }
    public ChannelServer Server => Connection.Server;
    public string Topic { get; }
    public WireValue JoinRef { get; }

    /// <summary>Gets or sets the index in the topic's list; written under the topic's lock.</summary>
    public int TopicIndex { get; set; }

    private string Name => _channel.GetType().Name;

    public Task Ended => _ended.Task;

    public ReplyRef CurrentRef => _handlingPush
        ? new ReplyRef(_currentRef)
        : throw new InvalidOperationException("No push is being handled; there is nothing to answer.");

    private bool IsDetached => Volatile.Read(ref _detached) != 0;

    /// <summary>Runs the join and answers the client. Other messages wait meanwhile.</summary>
    /// <returns>Whether the client has joined.</returns>
    public async ValueTask<bool> JoinAsync(ChannelPayload payload, WireValue reference)
    {
        JoinResult result;
        try
        {
            ReadCursor(payload);
            ReadView(payload);
            if (!await ResumeAsync(payload))
            {
                return RejectJoin(reference, PhoenixReasons.JoinCrashed);
            }

            var joining = _channel.JoinAsync(payload);
            if (joining.IsCompleted)
            {
                result = await joining;
            }
            else if (await WaitForJoinAsync(joining.AsTask()) is { } inTime)
            {
                result = inTime;
            }
            else
            {
                Server.Log.JoinTimedOut(Topic, Name);
                Server.Instruments.Failed("join_timeout");
                return RejectJoin(reference, PhoenixReasons.JoinTimeout, keepsSession: IsResumed);
            }
        }
        catch (PresenceViewException e)
        {
            return RejectJoin(reference, PhoenixReasons.Because(e.Message), keepsSession: IsResumed);
        }
        catch (Exception e)
        {
            Server.Log.JoinFailed(e, Topic, Name);
            Server.Instruments.Failed("join");
            return RejectJoin(reference, PhoenixReasons.JoinCrashed, keepsSession: IsResumed);
        }

        if (!result.Accepted)
        {
            return RejectJoin(reference, result.Response);
        }

        try
        {
            CheckView();
        }
        catch (Exception e) when (e is PresenceViewException or CountsOnlyTopicException)
        {
            return RejectJoin(reference, PhoenixReasons.Because(e.Message), keepsSession: IsResumed);
        }

        var reply = ChannelReply.Ok(WithSession(result.Response));
        var answer = Connection.Serializer.Reply(JoinRef, reference, Topic, reply);
        _joined = Server.Topics.Add(Topic, this, answer);
        Server.Instruments.ChannelJoined();
        return true;
    }

    /// <param name="reference">The reference of the join.</param>
    /// <param name="reason">The answer.</param>
    /// <param name="keepsSession">Whether the client may try to resume again.</param>
    private bool RejectJoin(WireValue reference, ChannelPayload reason, bool keepsSession = false)
    {
        Detach(keepsSession);
        Answer(reference, ChannelReply.Error(reason));
        return false;
    }

    /// <returns>Null after the timeout: the channel is detached, and a later result is ignored.</returns>
    private async ValueTask<JoinResult?> WaitForJoinAsync(Task<JoinResult> joining)
    {
        try
        {
            return await joining.WaitAsync(Server.Limits.JoinTimeout, Server.Time);
        }
        catch (TimeoutException) when (!joining.IsCompleted)
        {
            _ = joining.ContinueWith(
                static late => _ = late.Exception,
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted,
                TaskScheduler.Default);
            return null;
        }
    }

    /// <summary>Starts the reader of the mailbox, after the client has been answered.</summary>
    public void Start()
    {
        Server.Activity?.Began();
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    public void Execute()
    {
        var run = RunAsync();
        _ = Server.Activity?.WatchAsync(run);
    }

    public void Push(string name, ChannelPayload payload)
    {
        PhoenixEvents.Check(name);
        if (_joined is null && !IsDetached)
        {
            throw new InvalidOperationException("The client has not joined yet: push in AfterJoinAsync.");
        }

        if (!IsDetached && Connection.CanSend(payload))
        {
            Connection.Send(Connection.Serializer.Push(JoinRef, Topic, name, payload));
        }
    }

    public void Broadcast(string name, ChannelPayload payload, object? sender)
    {
        Server.Broadcaster.Broadcast(Topic, name, payload, sender);
        _hasBroadcast = true;
        Connection.Charge((_joined?.Count ?? 0) / ReceiversOfFrame);
    }

    public void Reply(WireValue reference, ChannelReply reply)
    {
        if (!reference.IsNull && !IsDetached)
        {
            Answer(reference, reply);
        }
    }

    /// <summary>Sends a broadcast to the socket, or to the channel if it intercepts the event.</summary>
    public void Deliver(EncodedBroadcast broadcast)
    {
        if (_intercepted.Count > 0 && _intercepted.Contains(broadcast.Event))
        {
            Post(new(ChannelMessageKind.Out, broadcast.Event, default, broadcast.Payload, null));
        }
        else if (Connection.CanSend(broadcast.Payload))
        {
            Connection.Send(broadcast.For(Connection.Serializer));
        }
    }

    public bool PostInfo(object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Post(new(ChannelMessageKind.Info, null, default, default, message));
    }

    public void PostIn(in InFrame frame)
    {
        Confirm();
        var arrived = Server.Instruments.Arrived();
        if (!Post(new(ChannelMessageKind.In, frame.Event, frame.Ref, frame.Payload.Detached(), null, arrived)))
        {
            Reply(frame.Ref, ChannelReply.Error(PhoenixReasons.ChannelBusy));
        }
    }

    public void PostLeave(WireValue reference) =>
        Post(new(ChannelMessageKind.Leave, null, reference, default, null), always: true);

    public void PostEnd(TerminationReason kind) =>
        Post(new(ChannelMessageKind.End, null, default, default, kind), always: true);

    public void RequestStop()
    {
        _stopRequested = true;
        PostEnd(TerminationReason.Stopped);
    }

    /// <summary>Detaches a channel that does not end; what it sends later is dropped.</summary>
    public void Abandon()
    {
        if (Detach(keepsSession: true))
        {
            Server.Log.ChannelAbandoned(Topic, Name);
            Server.Instruments.Failed("abandoned");
        }

        Connection.Release(_mailbox.Clear());

        _ended.TrySetResult();
    }

    private bool Post(in ChannelMessage message, bool always = false)
    {
        if (IsDetached)
        {
            return false;
        }

        // Before the post: the reader may be done with the message before it returns.
        Connection.Hold(message.Held);
        switch (_mailbox.Post(message, always))
        {
            case Mailbox.Posted.Rejected:
                Connection.Release(message.Held);
                Server.Instruments.Dropped("mailbox_full");
                return false;
            case Mailbox.Posted.StartReader:
                Start();
                return true;
            default:
                return true;
        }
    }

    private async Task RunAsync()
    {
        try
        {
            if (!_afterJoinDone)
            {
                _afterJoinDone = true;
                StartPresence();
                await _channel.AfterJoinAsync();
                if (IsResumed)
                {
                    await PresenceSession.CompleteResumeAsync();
                }
            }

            while (_mailbox.TryDequeue(out var message))
            {
                try
                {
                    if (!IsDetached && await HandleAsync(message) is { } end)
                    {
                        await EndAsync(end, message.Kind == ChannelMessageKind.Leave ? message.Ref : default);
                    }
                }
                finally
                {
                    Connection.Release(message.Held);
                    Server.Instruments.Handled(message.Arrived);
                }
            }
        }
        catch (Exception e)
        {
            Server.Log.ChannelFailed(e, Topic, Name);
            Server.Instruments.Failed("channel");
            await EndAsync(new ChannelTermination(TerminationReason.Failed, e), default);
            Connection.Release(_mailbox.Clear());
        }
    }

    /// <returns>The termination, if the message was the last.</returns>
    private async ValueTask<ChannelTermination?> HandleAsync(ChannelMessage message)
    {
        switch (message.Kind)
        {
            case ChannelMessageKind.In:
                if (Connection.Unread is { } unread)
                {
                    await unread.WaitAgainAsync(Server.Time);
                }

                if (_hasBroadcast && _joined?.Backlog is { } backlog && Connection.IsFast)
                {
                    // A client that broadcasts faster than others can read waits before the others are cut off.
                    await backlog.WaitAsync(Server.Time);
                }

                _hasBroadcast = false;
                if (_pushedTopic is not null && await AnswerAboutPresencesAsync(message))
                {
                    break;
                }

                _currentRef = message.Ref;
                _handlingPush = true;
                var result = await _channel.HandleInAsync(message.Event!, message.Payload);
                _handlingPush = false;
                if (result.Answer is { } reply)
                {
                    Reply(message.Ref, reply);
                }

                if (_hasBroadcast && Server.Congestion is { } congestion && Connection.IsFast)
                {
                    // Otherwise a few clients could fill the queue in which the broadcasts of all others wait.
                    await congestion.WaitAsync(Backlog.MaxWait, Server.Time)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                if (_hasBroadcast && Connection.MeterAsync(0, 0) is { } slowed)
                {
                    // What waits in the mailbox has been counted as frames, and not by what it costs. Not for long,
                    // so that the channel notices the end of its socket.
                    await slowed.WaitAsync(Backlog.MaxWait, Server.Time)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }

                return result.Stops || _stopRequested ? new ChannelTermination(TerminationReason.Stopped) : null;
            case ChannelMessageKind.Out:
                await _channel.HandleOutAsync(message.Event!, message.Payload);
                break;
            case ChannelMessageKind.Info:
                await _channel.HandleInfoAsync(message.Info!);
                break;
            case ChannelMessageKind.Leave:
                return new ChannelTermination(TerminationReason.Left);
            default:
                return new ChannelTermination((TerminationReason)message.Info!);
        }

        return _stopRequested ? new ChannelTermination(TerminationReason.Stopped) : null;
    }

    private async ValueTask EndAsync(ChannelTermination end, WireValue leaveRef)
    {
        try
        {
            await _channel.TerminateAsync(end);
        }
        catch (Exception e)
        {
            Server.Log.TerminateFailed(e, Topic, Name);
            Server.Instruments.Failed("terminate");
        }

        var mayResume = end.Kind
            is TerminationReason.SocketClosed or TerminationReason.Failed or TerminationReason.Replaced;
        if (Detach(mayResume))
        {
            Terminate(end, leaveRef);
        }

        _ended.TrySetResult();
    }

    private void Terminate(ChannelTermination end, WireValue leaveRef)
    {
        switch (end.Kind)
        {
            case TerminationReason.Left:
                Answer(leaveRef, ChannelReply.Ok());
                SendClose();
                break;
            case TerminationReason.Stopped:
                SendClose();
                break;
            case TerminationReason.Superseded:
                Connection.Send(
                    Connection.Serializer.Push(JoinRef, Topic, PhoenixEvents.PresenceSuperseded, ChannelPayload.Empty));

                // Not phx_error, after which the client would come back and take the session over again.
                SendClose();
                break;
            case TerminationReason.Failed:
                SendEnd(PhoenixEvents.Error, PhoenixReasons.ChannelCrash);
                break;
        }
    }

    /// <summary>Sends <c>phx_close</c>; after a duplicate join the socket calls this, after the new answer.</summary>
    public void SendClose() => SendEnd(PhoenixEvents.Close, ChannelPayload.Empty);

    private void SendEnd(string name, ChannelPayload payload) =>
        Connection.Send(Connection.Serializer.Ended(JoinRef, Topic, name, payload));

    private void Answer(WireValue reference, ChannelReply reply)
    {
        if (Connection.CanSend(reply.Payload))
        {
            Connection.Send(Connection.Serializer.Reply(JoinRef, reference, Topic, reply));
        }
    }

    /// <summary>Removes this channel from its topic and releases its resources. True the first time.</summary>
    private bool Detach(bool keepsSession)
    {
        if (Interlocked.Exchange(ref _detached, 1) != 0)
        {
            return false;
        }

        Connection.Forget(this);
        if (_joined is { } joined)
        {
            Server.Topics.Remove(joined, this);
            Server.Instruments.ChannelLeft();
        }

        ReleaseResources(keepsSession);
        return true;
    }
}
