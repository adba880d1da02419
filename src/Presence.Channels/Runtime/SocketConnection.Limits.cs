using Presence.Channels.Transport;
using Presence.Channels.Wire;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;

namespace Presence.Channels.Runtime;

/// <summary>What the client may use: bytes that wait, and how fast it may send.</summary>
internal sealed partial class SocketConnection
{
    private InputRate _rate;
    private long _held;
    private bool _isCutOff;
    private bool _isTooFast;

    /// <summary>Gets the bytes that wait: frames to the client, and what it has sent.</summary>
    public long WaitingBytes => Interlocked.Read(ref _held) + _transport.WaitingBytes;

    /// <summary>Gets the backlog of the client; null if there is none.</summary>
    public Backlog? Backlog => _transport.Backlog;

    /// <summary>Gets what the client has to read before more of it is handled; null if there is little.</summary>
    public Backlog? Unread => _transport.Unread;

    /// <summary>Counts bytes of the client that wait in this process.</summary>
    public void Hold(long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (_isCutOff)
            {
                return;
            }

            _held += bytes;
            Server.Waiting.Add(bytes);
        }

        Server.Sockets.Relieve();
    }

    public void Release(long bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        lock (_gate)
        {
            if (!_isCutOff)
            {
                _held -= bytes;
                Server.Waiting.Remove(bytes);
            }
        }
    }

    public void CutOff()
    {
        ReleaseAll();
        _transport.CutOff("memory");
    }

    /// <summary>Remembers the client for operators, if it was cut off because it did not keep up.</summary>
    public void ReportSlow(string reason)
    {
        var detail = reason switch
        {
            "slow_consumer" => "cut off: its queue was full",
            "send_timeout" => "cut off: it took no frame for too long",
            "memory" => "cut off: too many bytes waited on the node",
            _ => null,
        };
        if (detail is not null)
        {
            Server.SlowConsumers?.Report(SlowConsumerKind.Socket, User ?? ClientAddress.TextOf(Address), detail);
        }
    }

    private void ReleaseAll()
    {
        lock (_gate)
        {
            _isCutOff = true;
            Server.Waiting.Remove(_held);
            _held = 0;
        }
    }

    /// <summary>Gets whether the client has lately sent more than a few frames, or what costs as much.</summary>
    public bool IsFast
    {
        get
        {
            lock (_gate)
            {
                return _rate.IsFast;
            }
        }
    }

    /// <summary>Counts work that the client causes beside the handling of its frame.</summary>
    /// <param name="frames">As how many frames it counts.</param>
    public void Charge(double frames)
    {
        lock (_gate)
        {
            _rate.Charge(frames);
        }
    }

    /// <summary>Counts what the client has sent, polls included.</summary>
    /// <returns>What to wait for because it is too fast; null: nothing.</returns>
    public Task? MeterAsync(int frames, int bytes)
    {
        var now = Server.Time.GetTimestamp();
        (TimeSpan Time, string Reason) wait;
        lock (_gate)
        {
            if (!_rate.TryTake(Server, (frames, bytes), now, out wait) && !_isTooFast)
            {
                _isTooFast = true;
                Server.Instruments.Closed("rate");
                Close(CloseCodes.PolicyViolation);
            }
        }

        if (wait.Time == TimeSpan.Zero)
        {
            return null;
        }

        Server.Instruments.Throttled(wait.Reason);
        return Task.Delay(wait.Time, Server.Time);
    }

    /// <summary>Counts what the client has sent, and waits while it has much to read.</summary>
    /// <returns>What to wait for before more is read from the client; null: nothing.</returns>
    public Task? SlowDownAsync(int frames, int bytes)
    {
        var metered = MeterAsync(frames, bytes);
        if (Unread is not { } unread)
        {
            return metered;
        }

        // Otherwise a client that sends and does not read has this node make and keep its answers.
        Server.Instruments.Throttled("unread");
        var read = unread.WaitAgainAsync(Server.Time);
        return metered is null ? read : Task.WhenAll(metered, read);
    }
}
