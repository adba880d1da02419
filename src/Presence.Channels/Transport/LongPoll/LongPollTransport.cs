namespace Presence.Channels;

/// <summary>Frames that wait for the next poll of one client.</summary>
internal sealed class LongPollTransport(ChannelServer server, Action ended) : SocketTransport, IThreadPoolWorkItem
{
    private readonly Outbox _outbox = new(server.Limits.MaxOutboxFrames, server.Limits.MaxOutboxBytes);
    private readonly Lock _gate = new();
    private TaskCompletionSource<bool>? _poll;
    private long _closingSince;
    private int _ended;

    internal enum Polled
    {
        /// <summary>There are frames.</summary>
        Frames,

        /// <summary>Nothing came while the poll waited.</summary>
        Nothing,

        /// <summary>The session is over.</summary>
        Gone,
    }

    /// <summary>A client that means to come back polls again at once; half a window more is for its way.</summary>
    public override TimeSpan IdleTimeout => server.Limits.PollWindow * 1.5;

    /// <summary>Whether no more frames are taken.</summary>
    public bool IsShut => _outbox.IsShut;

    public override void Send(OutFrame frame)
    {
        switch (_outbox.Add(frame))
        {
            case Outbox.Added.StartWriter:
                Wake();
                break;
            case Outbox.Added.Overflow:
                server.Instruments.Dropped("slow_consumer");
                server.Instruments.Closed("slow_consumer");
                End();
                break;
        }
    }

    public override void Close(int code)
    {
        if (_outbox.Close(code) == Outbox.Added.Shut)
        {
            return;
        }

        Volatile.Write(ref _closingSince, server.Time.GetTimestamp() | 1);
        if (_outbox.IsEmpty && !Wake())
        {
            // Nobody waits and nothing is left to say: the next poll is told that the session is gone.
            End();
        }
    }

    public override bool CutOffIfStuck(long now)
    {
        var closing = Volatile.Read(ref _closingSince);
        if (closing == 0)
        {
            return false;
        }

        if (server.Time.GetElapsedTime(closing, now) > server.Limits.CloseTimeout)
        {
            End();
        }

        return true;
    }

    /// <summary>Waits for frames, at most the poll window. A later poll takes the place of one that waits.</summary>
    /// <param name="frames">Where they go.</param>
    /// <param name="aborted">The client has gone away; what waits stays for its next poll.</param>
    public async ValueTask<Polled> PollAsync(List<OutFrame> frames, CancellationToken aborted)
    {
        TaskCompletionSource<bool> poll;
        lock (_gate)
        {
            _poll?.TrySetResult(false);
            _poll = null;
            if (Take(frames) is { } at)
            {
                return at;
            }

            _poll = poll = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        var woken = false;
        try
        {
            woken = await poll.Task.WaitAsync(server.Limits.PollWindow, server.Time, aborted);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // Nothing came, or nobody is there to be told.
        }

        lock (_gate)
        {
            if (ReferenceEquals(_poll, poll))
            {
                _poll = null;
            }

            return woken ? Take(frames) ?? Polled.Nothing : Polled.Nothing;
        }
    }

    /// <summary>Ends the session, not on this thread: it may hold a topic's lock.</summary>
    public void Execute() => ended();

    /// <summary>What is there to be told now, if anything.</summary>
    private Polled? Take(List<OutFrame> frames)
    {
        while (_outbox.TryTake(out var frame, out _, out _))
        {
            if (frame is not null)
            {
                frames.Add(frame);
            }
        }

        if (_outbox.IsShut)
        {
            End();
            return frames.Count > 0 ? Polled.Frames : Polled.Gone;
        }

        return frames.Count > 0 ? Polled.Frames : null;
    }

    /// <returns>Whether a poll waited.</returns>
    private bool Wake()
    {
        lock (_gate)
        {
            var poll = _poll;
            _poll = null;
            return poll is not null && poll.TrySetResult(true);
        }
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            _outbox.Abort();
            Wake();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
