namespace Presence.Channels;

/// <summary>
/// The bounded queue of frames for one client. One writer at a time takes from it; it is started by the first frame and
/// leaves when the queue is empty, so that an idle client costs neither a task nor an array.
/// </summary>
internal sealed class Outbox(int maxFrames, int maxBytes)
{
    private const int KeepUpTo = 16;

    private readonly Lock _gate = new();

    /// <summary>Most of the time there is one frame or none: it needs no queue.</summary>
    private OutFrame? _next;
    private Queue<OutFrame>? _others;
    private long _bytes;
    private bool _writing;
    private bool _shut;
    private int? _closeCode;

    internal enum Added
    {
        /// <summary>A writer is at work and will take it.</summary>
        Queued,

        /// <summary>The caller starts a writer.</summary>
        StartWriter,

        /// <summary>The client has fallen too far behind: nothing was added, and nothing will be.</summary>
        Overflow,

        /// <summary>The client is closing or gone; nothing was added.</summary>
        Shut,
    }

    /// <summary>Whether no frame waits.</summary>
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

    /// <summary>Whether no more frames are taken.</summary>
    public bool IsShut => Volatile.Read(ref _shut);

    public Added Add(OutFrame frame)
    {
        lock (_gate)
        {
            if (_shut)
            {
                return Added.Shut;
            }

            if (_next is null)
            {
                _next = frame;
            }
            else if (1 + (_others?.Count ?? 0) >= maxFrames || _bytes + frame.Length > maxBytes)
            {
                Clear();
                return Added.Overflow;
            }
            else
            {
                (_others ??= new(1)).Enqueue(frame);
            }

            _bytes += frame.Length;
            return StartWriter();
        }
    }

    /// <summary>Takes no more frames; the close code follows those that wait.</summary>
    public Added Close(int code)
    {
        lock (_gate)
        {
            if (_shut)
            {
                return Added.Shut;
            }

            _shut = true;
            _closeCode = code;
            return StartWriter();
        }
    }

    /// <summary>Takes no more frames and forgets those that wait.</summary>
    public void Abort()
    {
        lock (_gate)
        {
            Clear();
        }
    }

    /// <summary>The next frame, or with a null frame the close code, once.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="closeCode">The close code.</param>
    /// <param name="more">Whether something follows at once.</param>
    /// <returns>False if there is nothing more: the writer has been let go.</returns>
    public bool TryTake(out OutFrame? frame, out int closeCode, out bool more)
    {
        lock (_gate)
        {
            (closeCode, more) = (0, false);
            frame = _next;
            if (frame is not null)
            {
                _next = _others is { Count: > 0 } ? _others.Dequeue() : null;
                _bytes -= frame.Length;
                more = _next is not null || _closeCode is not null;
                return true;
            }

            if (_closeCode is { } code)
            {
                closeCode = code;
                _closeCode = null;
                return true;
            }

            if (_others?.Capacity > KeepUpTo)
            {
                _others = null;
            }

            _writing = false;
            return false;
        }
    }

    private Added StartWriter()
    {
        if (_writing)
        {
            return Added.Queued;
        }

        _writing = true;
        return Added.StartWriter;
    }

    private void Clear()
    {
        _shut = true;
        _closeCode = null;
        _next = null;
        _others = null;
        _bytes = 0;
    }
}
