using System.Threading.Channels;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Something to send: to one member, or to all if <paramref name="Member"/> is null.</summary>
/// <param name="Member">To whom.</param>
/// <param name="Packet">A packet that is ready, or null for a frame that shares one with others.</param>
/// <param name="Frame">The frame, if there is no packet.</param>
/// <param name="At">When it was put in, as a timestamp of the clock.</param>
internal readonly record struct Outgoing(string? Member, byte[]? Packet, LinkFrame Frame, long At)
{
    public int Size => Packet?.Length ?? PacketWriter.SizeOf(Frame);
}

/// <summary>What waits to be sent. Bounded by frames and bytes; when full, what is new is dropped and counted.</summary>
/// <remarks>
/// Questions, answers and greetings go first and are never dropped: the number of members and of questions under way
/// bounds them.
/// </remarks>
internal sealed class Outbox(PresencePostgresOptions options, TimeProvider time, LinkInstruments instruments)
{
    /// <summary>Bytes that are sent in one go: enough to be worth a round trip, not so many that others wait for long.</summary>
    private const int MostBytesAtOnce = 2 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Queue<Outgoing> _urgent = new();
    private readonly Queue<Outgoing> _frames = new();
    private readonly Channel<bool> _signal =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private List<Outgoing> _returned = [];
    private long _bytes;

    /// <summary>Whether nothing is taken any more: what waits is sent, then the member says bye.</summary>
    public bool IsClosed { get; private set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _frames.Count;
            }
        }
    }

    public void Put(string? member, LinkFrame frame)
    {
        if (frame.Body.Length > options.MaxFrameBytes)
        {
            instruments.Dropped("too_large");
            return;
        }

        var outgoing = new Outgoing(member, null, frame, time.GetTimestamp());
        lock (_gate)
        {
            if (IsClosed)
            {
                instruments.Dropped("stopped");
                return;
            }

            if (_frames.Count >= options.OutboxFrames || _bytes + outgoing.Size > options.OutboxBytes)
            {
                instruments.Dropped("outbox_full");
                return;
            }

            _bytes += outgoing.Size;
            _frames.Enqueue(outgoing);
        }

        Wake();
    }

    public void PutUrgent(string? member, byte[] packet)
    {
        lock (_gate)
        {
            _urgent.Enqueue(new Outgoing(member, packet, default, time.GetTimestamp()));
        }

        Wake();
    }

    /// <summary>Gives back what could not be sent; it goes first next time, if it is not too old by then.</summary>
    public void PutBack(List<Outgoing> unsent)
    {
        lock (_gate)
        {
            _returned = unsent;
        }

        Wake();
    }

    public void Close()
    {
        lock (_gate)
        {
            IsClosed = true;
        }

        Wake();
    }

    /// <summary>Lets whoever waits look again.</summary>
    public void Wake() => _signal.Writer.TryWrite(true);

    /// <summary>Completes when something may be there, or <see cref="Wake"/> was called.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _signal.Reader.ReadAsync(cancellation);

    /// <summary>Takes what waits, in order, as much as is sent in one go; drops what is too old.</summary>
    public List<Outgoing> Take()
    {
        var taken = new List<Outgoing>();
        lock (_gate)
        {
            foreach (var returned in _returned)
            {
                Keep(taken, returned);
            }

            _returned = [];
            while (_urgent.TryDequeue(out var urgent))
            {
                Keep(taken, urgent);
            }

            for (var bytes = 0L; bytes < MostBytesAtOnce && _frames.TryDequeue(out var next); bytes += next.Size)
            {
                _bytes -= next.Size;
                Keep(taken, next);
            }

            // Also when the last was taken of one that is closed: whoever takes must come again to see that it is empty.
            if (_frames.Count > 0 || IsClosed)
            {
                Wake();
            }
        }

        return taken;
    }

    private void Keep(List<Outgoing> taken, Outgoing next)
    {
        if (time.GetElapsedTime(next.At) <= options.MaxFrameAge)
        {
            taken.Add(next);
        }
        else
        {
            instruments.Dropped("expired");
        }
    }
}
