namespace Presence.Silo.Tests.Clustering;

/// <summary>Something that listens on a port and says what it is told to whoever connects.</summary>
internal sealed class PortListener : IDisposable
{
    private readonly TcpListener _listener;
    private readonly byte[] _greeting;
    private readonly List<TcpClient> _clients = [];

    /// <param name="greeting">What is sent to whoever connects; nothing by default, as web servers do.</param>
    /// <param name="port">Where; by default the system chooses.</param>
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
