using System.Threading.Channels;

namespace Presence.Harness.Networks;

/// <summary>A TCP relay in front of a server that can be cut, slowed and restored without root.</summary>
/// <remarks>
/// A cut relay is silent: connections stay open, new ones are accepted, and data arrives after <see cref="Heal"/>, like
/// TCP over a network that drops packets. <see cref="TestNetwork"/> does the same with real packets.
/// </remarks>
public sealed class Relay : IAsyncDisposable
{
    private const int PiecesUnderWay = 1024;

    private readonly IPEndPoint _server;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private volatile TaskCompletionSource? _cut;
    private volatile CancellationTokenSource _broken = new();
    private long _delayTicks;
    private int _held;

    public Relay(IPEndPoint server)
    {
        _server = server;
        _listener.Start();
        Port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _running.Add(Task.Run(AcceptAsync));
    }

    public int Port { get; }

    /// <summary>Delay of the data in each direction. Order is kept.</summary>
    public TimeSpan Delay
    {
        get => new(Interlocked.Read(ref _delayTicks));
        set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
    }

    /// <summary>Whether data waits for <see cref="Heal"/>.</summary>
    public bool IsHolding => Volatile.Read(ref _held) > 0;

    public void Cut() => _cut ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Closes connections and rejects new ones, like a stopped server, until <see cref="Heal"/>.</summary>
    public void Break() => _broken.Cancel();

    public void Heal()
    {
        var cut = _cut;
        _cut = null;
        cut?.SetResult();
        _broken = _broken.IsCancellationRequested ? new() : _broken;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Heal();
        Task[] running;
        lock (_running)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                lock (_running)
                {
                    _running.RemoveAll(task => task.IsCompleted);
                    _running.Add(Task.Run(() => ConnectAsync(client)));
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ConnectAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using var ours = client;
        client.NoDelay = true;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, _broken.Token);
        try
        {
            await OpenAsync(end.Token);
            await server.ConnectAsync(_server, end.Token);
            // The first side that closes ends both.
            var pumps = new[] { PumpAsync(client, server, end.Token), PumpAsync(server, client, end.Token) };
            await Task.WhenAny(pumps);
            await end.CancelAsync();
            await Task.WhenAll(pumps);
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The server is down, or the relay ends.
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to, CancellationToken end)
    {
        var underWay = Channel.CreateBounded<(byte[] Piece, long Since)>(PiecesUnderWay);
        var writing = WriteAsync(underWay.Reader, to, end);
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.GetStream().ReadAsync(buffer, end) is > 0 and var count)
            {
                await underWay.Writer.WriteAsync((buffer[..count], TimeProvider.System.GetTimestamp()), end);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // Closed; data in flight is lost.
        }

        underWay.Writer.Complete();
        await writing;
    }

    private async Task WriteAsync(
        ChannelReader<(byte[] Piece, long Since)> underWay, TcpClient to, CancellationToken end)
    {
        try
        {
            await foreach (var (piece, since) in underWay.ReadAllAsync(end))
            {
                var early = Delay - TimeProvider.System.GetElapsedTime(since);
                if (early > TimeSpan.Zero)
                {
                    await Task.Delay(early, end);
                }

                await OpenAsync(end);
                await to.GetStream().WriteAsync(piece, end);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // Closed.
        }
    }

    private async Task OpenAsync(CancellationToken end)
    {
        while (_cut is { } cut)
        {
            Interlocked.Increment(ref _held);
            try
            {
                await cut.Task.WaitAsync(end);
            }
            finally
            {
                Interlocked.Decrement(ref _held);
            }
        }
    }
}
