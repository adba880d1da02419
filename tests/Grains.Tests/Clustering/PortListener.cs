using System.Net.Sockets;

namespace Presence.Grains.Tests.Clustering;

/// <summary>Listens on a port and sends given bytes on each connection.</summary>
internal sealed class PortListener : IDisposable
{
    private readonly TcpListener _listener;
    private readonly byte[] _greeting;
    private readonly List<TcpClient> _clients = [];

    /// <param name="greeting">Bytes to send on each connection; none by default.</param>
    /// <param name="port">The port; by default the system chooses.</param>
    public PortListener(byte[]? greeting = null, int port = 0)
    {
        _greeting = greeting ?? [];
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public IPEndPoint Address => (IPEndPoint)_listener.LocalEndpoint;

    public void Dispose()
    {
        _listener.Dispose();
        lock (_clients)
        {
            _clients.ForEach(client => client.Dispose());
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                lock (_clients)
                {
                    _clients.Add(client);
                }

                await client.GetStream().WriteAsync(_greeting);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or IOException)
        {
            // Disposed.
        }
    }
}
