using Presence.Harness.Nodes;

namespace Presence.Harness.Networks;

/// <summary>Forwards each new connection to the next node that reports ready, as a load balancer does.</summary>
public sealed class Balancer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<IEnumerable<NodeProcess>> _nodes;
    private readonly List<Task> _running = [];
    private int _next;

    /// <param name="nodes">Returns the nodes that may be ready.</param>
    public Balancer(Func<IEnumerable<NodeProcess>> nodes)
    {
        _nodes = nodes;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _running.Add(Task.Run(AcceptAsync));
    }

    public Uri Address { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await Task.WhenAll(_running);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _running.RemoveAll(task => task.IsCompleted);
                _running.Add(Task.Run(() => ForwardAsync(client)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using (client)
        {
            foreach (var node in Rotated())
            {
                if (!await node.IsReadyAsync())
                {
                    continue;
                }

                try
                {
                    using var server = new TcpClient();
                    await server.ConnectAsync(node.Address.Host, node.Address.Port, _stop.Token);
                    using var ended = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                    var (up, down) = (client.GetStream(), server.GetStream());
                    await Task.WhenAny(up.CopyToAsync(down, ended.Token), down.CopyToAsync(up, ended.Token));
                    await ended.CancelAsync();
                    return;
                }
                catch (Exception e) when (e is OperationCanceledException or SocketException or IOException)
                {
                    return;
                }
            }
        }
    }

    private IEnumerable<NodeProcess> Rotated()
    {
        var nodes = _nodes().ToList();
        var first = (uint)Interlocked.Increment(ref _next);
        return Enumerable.Range(0, nodes.Count).Select(i => nodes[(int)((first + i) % nodes.Count)]);
    }
}
