namespace Presence.Channels;

/// <summary>
/// The bounded queue of frames for one client. One writer at a time takes from it; it is started by the first frame and
/// leaves when the queue is empty, so that an idle client costs neither a task nor an array.
/// </summary>
internal sealed class Outbox(int maxFrames, int maxBytes)
{
    private const int KeepUpTo = 16;

    private readonly Lock _gate = new();
    private Queue<OutFrame>? _frames;
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
                return _frames is not { Count: > 0 };
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

            var waiting = _frames?.Count ?? 0;
            if (waiting >= maxFrames || (waiting > 0 && _bytes + frame.Length > maxBytes))
            {
                Clear();
                return Added.Overflow;
            }

            (_frames ??= new(1)).Enqueue(frame);
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
            if (_frames is { } queue && queue.TryDequeue(out frame))
            {
                _bytes -= frame.Length;
                more = queue.Count > 0 || _closeCode is not null;
                return true;
            }

            frame = null;
            if (_closeCode is { } code)
            {
                closeCode = code;
                _closeCode = null;
                return true;
            }

            if (_frames?.Capacity > KeepUpTo)
            {
                _frames = null;
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
        _frames = null;
        _bytes = 0;
    }
}
