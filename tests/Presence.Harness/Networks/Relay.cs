using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Presence.Harness.Networks;

/// <summary>
/// A line to a TCP server that can be cut, slowed and healed without root: clients connect to it instead of the server.
/// </summary>
/// <remarks>
/// A cut line is silent: connections stay open, new ones are accepted, and what is sent waits and arrives after the heal, as
/// with a network that drops packets and TCP that sends them again. Where there are namespaces, <see cref="TestNetwork"/> does the same for real.
/// </remarks>
public sealed class Relay : IAsyncDisposable
{
    private const int PiecesUnderWay = 1024;

    private readonly IPEndPoint _server;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private volatile TaskCompletionSource? _cut;
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

    /// <summary>How long each piece is under way, in each direction. Order is kept.</summary>
    public TimeSpan Delay
    {
        get => new(Interlocked.Read(ref _delayTicks));
        set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
    }

    /// <summary>Whether something waits for the heal.</summary>
    public bool IsHolding => Volatile.Read(ref _held) > 0;

    public void Cut() => _cut ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Heal()
    {
        var cut = _cut;
        _cut = null;
        cut?.SetResult();
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
            // The end.
        }
    }

    private async Task ConnectAsync(TcpClient client)
    {
        using var server = new TcpClient { NoDelay = true };
        using var ours = client;
        client.NoDelay = true;
        try
        {
            await OpenAsync();
            await server.ConnectAsync(_server, _stop.Token);
            // Whoever closes first ends both.
            await Task.WhenAny(PumpAsync(client, server), PumpAsync(server, client));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // Nobody is there, or the relay ends.
        }
    }

    private async Task PumpAsync(TcpClient from, TcpClient to)
    {
        var underWay = Channel.CreateBounded<(byte[] Piece, long Since)>(PiecesUnderWay);
        var writing = WriteAsync(underWay.Reader, to);
        try
        {
            var buffer = new byte[16 * 1024];
            while (await from.GetStream().ReadAsync(buffer, _stop.Token) is > 0 and var count)
            {
                await underWay.Writer.WriteAsync((buffer[..count], TimeProvider.System.GetTimestamp()), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // Closed; what is under way is lost with it.
        }

        underWay.Writer.Complete();
        await writing;
    }

    private async Task WriteAsync(ChannelReader<(byte[] Piece, long Since)> underWay, TcpClient to)
    {
        try
        {
            await foreach (var (piece, since) in underWay.ReadAllAsync(_stop.Token))
            {
                var early = Delay - TimeProvider.System.GetElapsedTime(since);
                if (early > TimeSpan.Zero)
                {
                    await Task.Delay(early, _stop.Token);
                }

                await OpenAsync();
                await to.GetStream().WriteAsync(piece, _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // Closed.
        }
    }

    private async Task OpenAsync()
    {
        while (_cut is { } cut)
        {
            Interlocked.Increment(ref _held);
            try
            {
                await cut.Task.WaitAsync(_stop.Token);
            }
            finally
            {
                Interlocked.Decrement(ref _held);
            }
        }
    }
}
