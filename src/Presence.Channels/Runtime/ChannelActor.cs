using Presence.Node;

namespace Presence.Channels;

/// <summary>Runs one channel: its mailbox, its place in the topic, its presences, its end.</summary>
internal sealed partial class ChannelActor : IThreadPoolWorkItem
{
    private readonly Mailbox _mailbox;
    private readonly Channel _channel;
    private readonly IReadOnlyCollection<string> _intercepted;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private JoinedTopic? _joined;
    private string? _currentRef;
    private bool _handlingPush;
    private bool _afterJoinDone;
    private bool _stopRequested;
    private int _detached;

    public ChannelActor(SocketSession session, Channel channel, string topic, string? joinRef)
    {
        Session = session;
        Topic = topic;
        JoinRef = joinRef;
        _channel = channel;
        _mailbox = new Mailbox(session.Server.Limits.MaxMailboxMessages);
        channel.Attach(this);
        _intercepted = channel.InterceptedEvents;
    }

    public SocketSession Session { get; }

    public ChannelServer Server => Session.Server;

    public string Topic { get; }

    public string? JoinRef { get; }

    /// <summary>Where the topic keeps this channel; written under the topic's lock.</summary>
    public int TopicPlace { get; set; }

    public Task Ended => _ended.Task;

    public ReplyRef CurrentRef => _handlingPush
        ? new ReplyRef(_currentRef)
        : throw new InvalidOperationException("No push is being handled; there is nothing to answer.");

    private bool IsDetached => Volatile.Read(ref _detached) != 0;

    /// <summary>Asks the channel and answers the client. Mail waits meanwhile.</summary>
    /// <returns>Whether the client is in.</returns>
    public async ValueTask<bool> JoinAsync(ChannelPayload payload, string? reference)
    {
        JoinResult result;
        try
        {
            var joining = _channel.JoinAsync(payload);
            if (joining.IsCompleted)
            {
                result = await joining;
            }
            else if (await DecidedAsync(joining.AsTask()) is { } decided)
            {
                result = decided;
            }
            else
            {
                Server.Log.JoinTimedOut(Topic);
                Server.Instruments.Crashed("join_timeout");
                Detach();
                Answer(reference, ChannelReply.Error(WireReasons.JoinTimeout));
                return false;
            }
        }
        catch (Exception e)
        {
            Server.Log.JoinCrashed(e, Topic);
            Server.Instruments.Crashed("join");
            Detach();
            Answer(reference, ChannelReply.Error(WireReasons.JoinCrashed));
            return false;
        }

        if (!result.Accepted)
        {
            Detach();
            Answer(reference, ChannelReply.Error(result.Response));
            return false;
        }

        var answer = Session.Serializer.Reply(JoinRef, reference, Topic, ChannelReply.Ok(result.Response));
        _joined = Server.Topics.Add(Topic, this, answer);
        Server.Instruments.ChannelJoined();
        return true;
    }

    /// <returns>Null if it takes too long. What comes of it then is of no consequence: the channel is detached.</returns>
    private async ValueTask<JoinResult?> DecidedAsync(Task<JoinResult> joining)
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

    /// <summary>Lets the channel work from here on: after the client has been answered.</summary>
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
        WireEvents.Check(name);
        if (_joined is null && !IsDetached)
        {
            throw new InvalidOperationException("The client has not joined yet: push in AfterJoinAsync.");
        }

        if (!IsDetached && Session.CanCarry(payload))
        {
            Session.Send(Session.Serializer.Push(JoinRef, Topic, name, payload));
        }
    }

    public void Reply(string? reference, ChannelReply reply)
    {
        if (reference is not null && !IsDetached)
        {
            Answer(reference, reply);
        }
    }

    /// <summary>A broadcast: straight to the socket, or through the channel if it asked for that.</summary>
    public void Deliver(EncodedBroadcast broadcast)
    {
        if (_intercepted.Count > 0 && _intercepted.Contains(broadcast.Event))
        {
            Post(new(ChannelMessageKind.Out, broadcast.Event, null, broadcast.Payload, null));
        }
        else if (Session.CanCarry(broadcast.Payload))
        {
            Session.Send(broadcast.For(Session.Serializer));
        }
    }

    public bool PostInfo(object message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return Post(new(ChannelMessageKind.Info, null, null, default, message));
    }

    public void PostIn(in InFrame frame)
    {
        if (!Post(new(ChannelMessageKind.In, frame.Event, frame.Ref, frame.Payload.Detached(), null)))
        {
            Reply(frame.Ref, ChannelReply.Error(WireReasons.ChannelBusy));
        }
    }

    public void PostLeave(string? reference) =>
        Post(new(ChannelMessageKind.Leave, null, reference, default, null), always: true);

    public void PostEnd(ChannelEndKind kind) =>
        Post(new(ChannelMessageKind.End, null, null, default, kind), always: true);

    public void RequestStop()
    {
        _stopRequested = true;
        PostEnd(ChannelEndKind.Stopped);
    }

    /// <summary>Gives up on a channel that does not end: nothing it does is heard any more.</summary>
    public void Abandon()
    {
        if (Detach())
        {
            Server.Log.ChannelAbandoned(Topic);
            Server.Instruments.Crashed("abandoned");
        }

        _ended.TrySetResult();
    }

    private bool Post(in ChannelMessage message, bool always = false)
    {
        if (IsDetached)
        {
            return false;
        }

        switch (_mailbox.Post(message, always))
        {
            case Mailbox.Posted.Refused:
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
            }

            while (_mailbox.TryTake(out var message))
            {
                if (IsDetached)
                {
                    continue;
                }

                if (await HandleAsync(message) is { } end)
                {
                    await EndAsync(end, message.Kind == ChannelMessageKind.Leave ? message.Ref : null);
                }
            }
        }
        catch (Exception e)
        {
            Server.Log.ChannelCrashed(e, Topic);
            Server.Instruments.Crashed("channel");
            await EndAsync(new ChannelEnd(ChannelEndKind.Crashed, e), null);
        }
    }

    /// <returns>The end, if the message was the last.</returns>
    private async ValueTask<ChannelEnd?> HandleAsync(ChannelMessage message)
    {
        switch (message.Kind)
        {
            case ChannelMessageKind.In:
                _currentRef = message.Ref;
                _handlingPush = true;
                var result = await _channel.HandleInAsync(message.Event!, message.Payload);
                _handlingPush = false;
                if (result.Answer is { } reply)
                {
                    Reply(message.Ref, reply);
                }

                return result.Stops || _stopRequested ? new ChannelEnd(ChannelEndKind.Stopped) : null;
            case ChannelMessageKind.Out:
                await _channel.HandleOutAsync(message.Event!, message.Payload);
                break;
            case ChannelMessageKind.Info:
                await _channel.HandleInfoAsync(message.Info!);
                break;
            case ChannelMessageKind.Leave:
                return new ChannelEnd(ChannelEndKind.Left);
            default:
                return new ChannelEnd((ChannelEndKind)message.Info!);
        }

        return _stopRequested ? new ChannelEnd(ChannelEndKind.Stopped) : null;
    }

    private async ValueTask EndAsync(ChannelEnd end, string? leaveRef)
    {
        try
        {
            await _channel.TerminateAsync(end);
        }
        catch (Exception e)
        {
            Server.Log.TerminateCrashed(e, Topic);
            Server.Instruments.Crashed("terminate");
        }

        if (Detach())
        {
            Farewell(end, leaveRef);
        }

        _ended.TrySetResult();
    }

    private void Farewell(ChannelEnd end, string? leaveRef)
    {
        switch (end.Kind)
        {
            case ChannelEndKind.Left:
                Answer(leaveRef, ChannelReply.Ok());
                SendClose();
                break;
            case ChannelEndKind.Stopped:
                SendClose();
                break;
            case ChannelEndKind.Crashed:
                Session.Send(Session.Serializer.Ended(JoinRef, Topic, WireEvents.Error, WireReasons.ChannelCrash));
                break;
        }
    }

    /// <summary>Tells the client that this join is over; after a duplicate join the socket does it, behind the new answer.</summary>
    public void SendClose() =>
        Session.Send(Session.Serializer.Ended(JoinRef, Topic, WireEvents.Close, ChannelPayload.Empty));

    private void Answer(string? reference, ChannelReply reply)
    {
        if (Session.CanCarry(reply.Payload))
        {
            Session.Send(Session.Serializer.Reply(JoinRef, reference, Topic, reply));
        }
    }

    /// <summary>Leaves everything that holds or feeds this channel. True the first time.</summary>
    private bool Detach()
    {
        if (Interlocked.Exchange(ref _detached, 1) != 0)
        {
            return false;
        }

        Session.Forget(this);
        if (_joined is { } joined)
        {
            Server.Topics.Remove(joined, this);
            Server.Instruments.ChannelLeft();
        }

        ReleaseBelongings();
        return true;
    }
}
