namespace Presence.Channels;

/// <summary>The port for what carries frames to one client.</summary>
internal abstract class SocketTransport
{
    /// <summary>How long the client may be silent.</summary>
    public abstract TimeSpan IdleTimeout { get; }

    /// <summary>Queues a frame. Never waits; a client whose queue is full is cut off. Any thread.</summary>
    public abstract void Send(OutFrame frame);

    /// <summary>Sends what is queued, then closes. Any thread; the first code counts.</summary>
    public abstract void Close(int code);

    /// <summary>Cuts off a client that has not taken a frame, or not answered a close, in time.</summary>
    /// <returns>True if it is closing or cut off.</returns>
    public abstract bool CutOffIfStuck(long now);
}
