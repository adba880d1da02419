namespace Presence.Harness.Unique;

/// <summary>
/// A resource with fencing that unique processes change over TCP: one line <c>process term epoch sequence</c> per
/// attempt, answered with <c>done</c> or <c>rejected</c>. Rejects an epoch below the process's highest so far, and
/// records every attempt in the history.
/// </summary>
/// <remarks>An attempt without an epoch, <c>-</c>, is always accepted.</remarks>
public sealed class FencedResource : IAsyncDisposable
{
    private readonly History _history;
    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, long> _highest = new(StringComparer.Ordinal);
    private readonly List<Task> _serving = [];
    private readonly Task _accepting;

    /// <param name="address">The address that it listens on; by default loopback.</param>
    public FencedResource(History history, IPAddress? address = null)
    {
        _history = history;
        _listener = new TcpListener(address ?? IPAddress.Loopback, 0);
        _listener.Start();
        EndPoint = (IPEndPoint)_listener.LocalEndpoint;
        _accepting = Task.Run(AcceptAsync);
    }

    public IPEndPoint EndPoint { get; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        await Task.WhenAll(_serving);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                _serving.RemoveAll(serving => serving.IsCompleted);
                _serving.Add(Task.Run(() => ServeAsync(client)));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var closing = client;
        client.NoDelay = true;
        try
        {
            using var reader = new StreamReader(client.GetStream());
            await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                await writer.WriteLineAsync((Try(line.Split(' ')) ? "done" : "rejected").AsMemory(), _stop.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // A node was killed, or the resource was disposed.
        }
    }

    private bool Try(string[] attempt)
    {
        var (process, term) = (attempt[0], attempt[1]);
        var epoch = attempt[2] == "-" ? (long?)null : long.Parse(attempt[2], CultureInfo.InvariantCulture);
        var sequence = long.Parse(attempt[3], CultureInfo.InvariantCulture);
        bool isAccepted;
        lock (_highest)
        {
            isAccepted = epoch is null || epoch >= _highest.GetValueOrDefault(process);
            if (isAccepted && epoch is { } seen)
            {
                _highest[process] = seen;
            }

            // Recorded in the order of the decisions.
            _history.Add(new EffectTried(_history.Now, process, term, epoch, sequence, isAccepted));
        }

        return isAccepted;
    }
}
