namespace Presence.Client;

/// <summary>
/// Carries the frames of a <see cref="PhoenixSocket"/>. What it receives goes to <see cref="PhoenixSocket.Receive"/>,
/// one frame after the other; how it ends goes to <see cref="PhoenixSocket.End"/>.
/// </summary>
internal interface IPhoenixConnection
{
    /// <summary>Sends a frame. Any thread may call it at any time.</summary>
    /// <exception cref="PhoenixException">The connection has ended.</exception>
    Task SendAsync(PhoenixFrame frame);

    /// <summary>Begins the closing handshake. Does not throw if the connection has ended.</summary>
    Task CloseAsync();

    /// <summary>Ends the connection, if it has not ended, and releases what it holds.</summary>
    void Abort();
}
