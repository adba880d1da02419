using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>Queues frames for the next poll of one client.</summary>
internal sealed class LongPollTransport(ChannelServer server, Action onEnded) : SocketTransport, IThreadPoolWorkItem
{
    private readonly SocketSendQueue _sendQueue = new(server);
    private readonly Lock _gate = new();
    private TaskCompletionSource<bool>? _poll;
    private long _closingSince;
    private int _ended;

    internal enum Polled
    {
        /// <summary>The poll returns frames.</summary>
        Frames,
        /// <summary>No frame came while the poll waited.</summary>
        Nothing,
        /// <summary>The connection has ended.</summary>
        Gone,
    }

    /// <summary>A client polls again at once; half a timeout more covers the network.</summary>
    public override TimeSpan IdleTimeout => server.Limits.LongPollTimeout * 1.5;

    /// <summary>Gets false: a client that posts and never polls must end.</summary>
    public override bool IsAliveByFrames => false;

    public override long WaitingBytes => _sendQueue.Bytes;
    public override Backlog? Backlog => _sendQueue.Backlog;
    public override Backlog? Unread => _sendQueue.Unread;
    public bool IsClosed => _sendQueue.IsClosed;

    public override void Send(OutFrame frame)
    {
        switch (_sendQueue.Enqueue(frame))
        {
            case SocketSendQueue.EnqueueResult.StartWriter:
                Wake();
                break;
            case SocketSendQueue.EnqueueResult.Overflow:
                server.Instruments.Dropped("slow_consumer");
                CutOff("slow_consumer");
                break;
        }

        server.Sockets.Relieve();
    }

    public override void Close(int code)
    {
        if (_sendQueue.Close(code) == SocketSendQueue.EnqueueResult.Closed)
        {
            return;
        }

        Volatile.Write(ref _closingSince, server.Time.GetTimestamp() | 1);
        if (_sendQueue.IsEmpty && !Wake())
        {
            // No poll and no frame waits: the next poll is answered 410.
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

    public override void CutOff(string reason)
    {
        server.Instruments.Closed(reason);
        Connection?.ReportSlow(reason);
        End();
    }

    /// <summary>Waits for frames, at most the poll timeout. A later poll replaces one that waits.</summary>
    /// <param name="frames">Receives the frames.</param>
    /// <param name="aborted">Cancelled if the client disconnects; frames stay queued for its next poll.</param>
    public async ValueTask<Polled> PollAsync(List<OutFrame> frames, CancellationToken aborted)
    {
        TaskCompletionSource<bool> poll;
        lock (_gate)
        {
            if (aborted.IsCancellationRequested)
            {
                // A poll that was forwarded may come after the next one of its client.
                return Polled.Nothing;
            }

            _poll?.TrySetResult(false);
            _poll = null;
            if (Drain(frames) is { } polled)
            {
                return polled;
            }

            _poll = poll = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        var woken = false;
        try
        {
            woken = await poll.Task.WaitAsync(server.Limits.LongPollTimeout, server.Time, aborted);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // No frame came, or the client has disconnected.
        }

        lock (_gate)
        {
            if (ReferenceEquals(_poll, poll))
            {
                _poll = null;
            }

            return woken ? Drain(frames) ?? Polled.Nothing : Polled.Nothing;
        }
    }

    /// <summary>Ends the connection on the thread pool: the caller may hold a topic's lock.</summary>
    public void Execute() => onEnded();

    /// <summary>Dequeues all frames; null if there is none and the connection is open.</summary>
    private Polled? Drain(List<OutFrame> frames)
    {
        while (_sendQueue.TryDequeue(out var frame, out _, out _))
        {
            if (frame is not null)
            {
                frames.Add(frame);
            }
        }

        if (_sendQueue.IsClosed)
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
            _sendQueue.Abort();
            Wake();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }
}
