using Presence.Channels.Wire;

namespace Presence.Channels.Runtime;

/// <summary>The sockets of one node: their limit, the periodic sweep and the drain.</summary>
internal sealed partial class SocketRegistry : IDisposable
{
    /// <summary>The obstacle of a node that is full or draining.</summary>
    public const string Full = "full";

    private readonly ChannelServer _server;
    private readonly Lock _gate = new();
    private readonly HashSet<SocketConnection> _connections = [];
    private readonly ITimer _sweep;
    private TaskCompletionSource? _empty;

    public SocketRegistry(ChannelServer server)
    {
        _server = server;
        var limits = server.Limits;
        var timeouts = new[] { limits.IdleTimeout, limits.LongPollTimeout, limits.SendTimeout, limits.CloseTimeout };
        var period = TimeSpan.FromTicks(Math.Max(timeouts.Min().Ticks / 4, TimeSpan.TicksPerMillisecond * 10));
        _sweep = server.Time.CreateTimer(static self => ((SocketRegistry)self!).Sweep(), this, period, period);
    }

    /// <summary>Gets whether the node accepts no more sockets and closes the open ones.</summary>
    public bool Draining { get; private set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _connections.Count;
            }
        }
    }

    /// <summary>Adds a socket; counts a rejection.</summary>
    /// <returns>False if its node, address or user has too many, or the node is draining.</returns>
    public bool TryAdd(SocketConnection connection)
    {
        lock (_gate)
        {
            if (Obstacle(connection.Address, connection.User) is { } obstacle)
            {
                _server.Instruments.Rejected(obstacle);
                return false;
            }

            _connections.Add(connection);
            Tally(connection, 1);
        }

        _server.Instruments.SocketOpened();
        return true;
    }

    public void Remove(SocketConnection connection)
    {
        lock (_gate)
        {
            if (!_connections.Remove(connection))
            {
                return;
            }

            Tally(connection, -1);
            if (_connections.Count == 0)
            {
                _empty?.TrySetResult();
            }
        }

        _server.Instruments.SocketClosed();
    }

    /// <summary>Closes every socket with 1012 and waits for them, at most the close timeout.</summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        Task empty;
        lock (_gate)
        {
            Draining = true;
            _empty ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_connections.Count == 0)
            {
                _empty.TrySetResult();
            }

            empty = _empty.Task;
        }

        foreach (var connection in Snapshot())
        {
            connection.Close(CloseCodes.ServiceRestart);
        }

        try
        {
            await empty.WaitAsync(_server.Limits.CloseTimeout, _server.Time, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            _server.Log.DrainUnfinished(Count);
        }
    }

    public void Dispose() => _sweep.Dispose();

    /// <summary>Closes the sockets whose tokens have expired or are revoked.</summary>
    public void CheckTokens()
    {
        foreach (var connection in Snapshot())
        {
            connection.CheckToken();
        }
    }

    private void Sweep()
    {
        var now = _server.Time.GetTimestamp();
        if (_server.Waiting.IsMemoryShort)
        {
            Relieve(_server.Waiting.Total / 2);
        }

        foreach (var connection in Snapshot())
        {
            connection.Sweep(now);
        }
    }

    private SocketConnection[] Snapshot()
    {
        lock (_gate)
        {
            return [.. _connections];
        }
    }
}
