using Presence.Channels.Runtime;
using Presence.Channels.Wire;

namespace Presence.Channels.Transport;

/// <summary>Carries frames to one client: a WebSocket or long poll.</summary>
internal abstract class SocketTransport
{
    /// <summary>Gets or sets the connection that it carries the frames of.</summary>
    public SocketConnection? Connection { get; set; }

    /// <summary>Gets how long the client may be silent.</summary>
    public abstract TimeSpan IdleTimeout { get; }

    /// <summary>Gets whether frames of the client show that it still reads.</summary>
    public virtual bool IsAliveByFrames => true;

    /// <summary>Gets the bytes that wait for the client.</summary>
    public virtual long WaitingBytes => 0;

    /// <summary>Gets the backlog of the client; null if there is none.</summary>
    public virtual Backlog? Backlog => null;

    /// <summary>Gets what the client has to read before more of it is handled; null if there is little.</summary>
    public virtual Backlog? Unread => null;

    /// <summary>Gets a token that is cancelled when the client disconnects, also while no frame is read.</summary>
    public virtual CancellationToken Disconnected => default;

    /// <summary>Queues a frame. Never waits; a client whose queue is full is disconnected. Thread-safe.</summary>
    public abstract void Send(OutFrame frame);

    /// <summary>Sends the queued frames, then closes. Thread-safe; the first code counts.</summary>
    public abstract void Close(int code);

    /// <summary>Aborts the connection if a frame was not sent, or a close not answered, in time.</summary>
    /// <returns>True if it is closing or aborted.</returns>
    public abstract bool CutOffIfStuck(long now);

    /// <summary>Ends the connection without its queued frames, and counts the reason. Does not block.</summary>
    public virtual void CutOff(string reason)
    {
    }
}
