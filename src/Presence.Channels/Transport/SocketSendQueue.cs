using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport;

/// <summary>
/// Bounded queue of the frames for one client. It has one writer at a time, started by the first frame and ended when
/// the queue is empty, so that an idle client costs neither a task nor an array.
/// </summary>
internal sealed class SocketSendQueue(ChannelServer server)
{
    private const int MaxRetainedCapacity = 16;

    private readonly Lock _gate = new();

    // Usually at most one frame is queued: it needs no Queue.
    private OutFrame? _next;

    // Dequeued, and not yet known to be sent.
    private OutFrame? _sending;
    private Queue<OutFrame>? _others;
    private Backlog? _backlog;
    private Backlog? _unread;
    private long _bytes;

    // Of one frame at a time the time until it is sent is measured: when it was queued, and the frames up to it.
    private long _measuredSince;
    private int _untilMeasured;
    private bool _writing;
    private bool _closed;
    private int? _closeCode;

    internal enum EnqueueResult
    {
        /// <summary>A writer is running and will send the frame.</summary>
        Queued,
        /// <summary>The caller must start a writer.</summary>
        StartWriter,
        /// <summary>The queue is full: it drops all frames and is closed.</summary>
        Overflow,
        /// <summary>The queue is closed; the frame was not added.</summary>
        Closed,
    }

    /// <summary>Gets whether no frame is queued.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_gate)
            {
                return _next is null;
            }
        }
    }

    public bool IsClosed => Volatile.Read(ref _closed);

    /// <summary>Gets the backlog; null while the queue is not more than half full.</summary>
    public Backlog? Backlog => Volatile.Read(ref _backlog);

    /// <summary>Gets what the client itself waits for; null while its queue is not more than an eighth full.</summary>
    public Backlog? Unread => Volatile.Read(ref _unread);

    /// <summary>Gets the bytes of the frames that are queued or being sent.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _bytes + (_sending?.Length ?? 0);
            }
        }
    }

    public EnqueueResult Enqueue(OutFrame frame)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return EnqueueResult.Closed;
            }

            if (_next is null)
            {
                _next = frame;
            }
            else if (Count >= server.Limits.MaxSendQueueFrames
                || _bytes + frame.Length > server.Limits.MaxSendQueueBytes)
            {
                Clear();
                return EnqueueResult.Overflow;
            }
            else
            {
                (_others ??= new(1)).Enqueue(frame);
            }

            _bytes += frame.Length;
            server.Waiting.Add(frame.EnterQueue());
            if (_untilMeasured == 0 && (_measuredSince = server.Instruments.Queued()) != 0)
            {
                _untilMeasured = Count + (_sending is null ? 0 : 1);
            }

            Begin(ref _unread, Backlog.OfItself);
            Begin(ref _backlog, Backlog.OfOthers);
            return StartWriter();
        }
    }

    /// <summary>Closes the queue; the close code follows the queued frames.</summary>
    public EnqueueResult Close(int code)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return EnqueueResult.Closed;
            }

            _closed = true;
            _closeCode = code;
            return StartWriter();
        }
    }

    /// <summary>Closes the queue and drops its frames.</summary>
    public void Abort()
    {
        lock (_gate)
        {
            Clear();
        }
    }

    /// <summary>Returns the next frame, or with a null frame the close code, once; the last frame was sent.</summary>
    /// <returns>False if the queue is empty: the writer ends.</returns>
    public bool TryDequeue(out OutFrame? frame, out int closeCode, out bool more)
    {
        lock (_gate)
        {
            (closeCode, more) = (0, false);
            Sent();
            frame = _next;
            if (frame is not null)
            {
                _next = _others is { Count: > 0 } ? _others.Dequeue() : null;
                _bytes -= frame.Length;
                _sending = frame;
                End(ref _unread);
                End(ref _backlog);
                more = _next is not null || _closeCode is not null;
                return true;
            }

            if (_closeCode is { } code)
            {
                closeCode = code;
                _closeCode = null;
                return true;
            }

            if (_others?.Capacity > MaxRetainedCapacity)
            {
                _others = null;
            }

            _writing = false;
            return false;
        }
    }

    private EnqueueResult StartWriter()
    {
        if (_writing)
        {
            return EnqueueResult.Queued;
        }

        _writing = true;
        return EnqueueResult.StartWriter;
    }

    private int Count => _next is null ? 0 : 1 + (_others?.Count ?? 0);

    /// <summary>Returns whether more than one part of the queue is filled.</summary>
    private bool IsFuller(int parts) =>
        Count > Math.Max(1, server.Limits.MaxSendQueueFrames / parts)
            || _bytes > server.Limits.MaxSendQueueBytes / parts;

    private void Begin(ref Backlog? backlog, int part)
    {
        if (backlog is null && IsFuller(part))
        {
            backlog = new Backlog(part, server.Time.GetTimestamp());
        }
    }

    private void End(ref Backlog? backlog)
    {
        if (backlog is not null && (_closed || !IsFuller(2 * backlog.Part)))
        {
            backlog.End();
            backlog = null;
        }
    }

    private void Sent()
    {
        if (_sending is { } sent)
        {
            _sending = null;
            server.Waiting.Remove(sent.LeaveQueue());
            if (_untilMeasured > 0 && --_untilMeasured == 0)
            {
                server.Instruments.Sent(_measuredSince);
            }
        }
    }

    private void Clear()
    {
        _closed = true;
        _untilMeasured = 0;
        Sent();
        End(ref _unread);
        End(ref _backlog);
        if (_next is { } next)
        {
            server.Waiting.Remove(next.LeaveQueue());
        }

        foreach (var frame in _others ?? [])
        {
            server.Waiting.Remove(frame.LeaveQueue());
        }

        (_next, _others, _closeCode, _bytes) = (null, null, null, 0);
    }
}
