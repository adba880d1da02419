namespace Presence.Channels;

/// <summary>The sockets of one member: how many there may be, the sweep over all of them, and the drain.</summary>
internal sealed class SocketTable : IDisposable
{
    private readonly ChannelServer _server;
    private readonly Lock _gate = new();
    private readonly HashSet<SocketSession> _sessions = [];
    private readonly ITimer _sweep;
    private TaskCompletionSource? _empty;

    public SocketTable(ChannelServer server)
    {
        _server = server;
        var limits = server.Limits;
        var shortest = new[] { limits.IdleTimeout, limits.PollWindow, limits.SendTimeout, limits.CloseTimeout }.Min().Ticks;
        var period = TimeSpan.FromTicks(Math.Max(shortest / 4, TimeSpan.TicksPerMillisecond * 10));
        _sweep = server.Time.CreateTimer(static self => ((SocketTable)self!).Sweep(), this, period, period);
    }

    /// <summary>Whether the member takes no more sockets and lets go of those it has.</summary>
    public bool Draining { get; private set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _sessions.Count;
            }
        }
    }

    /// <returns>False if the member is full or draining.</returns>
    public bool TryAdd(SocketSession session)
    {
        lock (_gate)
        {
            if (Draining || _sessions.Count >= _server.Limits.MaxSockets)
            {
                return false;
            }

            _sessions.Add(session);
        }

        _server.Instruments.SocketOpened();
        return true;
    }

    public void Remove(SocketSession session)
    {
        lock (_gate)
        {
            if (!_sessions.Remove(session))
            {
                return;
            }

            if (_sessions.Count == 0)
            {
                _empty?.TrySetResult();
            }
        }

        _server.Instruments.SocketClosed();
    }

    /// <summary>Closes every socket with 1012 and waits until they are gone, or until cancelled.</summary>
    public async Task DrainAsync(CancellationToken cancellation)
    {
        Task empty;
        lock (_gate)
        {
            Draining = true;
            _empty ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_sessions.Count == 0)
            {
                _empty.TrySetResult();
            }

            empty = _empty.Task;
        }

        foreach (var session in Snapshot())
        {
            session.Close(CloseCodes.ServiceRestart);
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

    private void Sweep()
    {
        var now = _server.Time.GetTimestamp();
        foreach (var session in Snapshot())
        {
            session.Sweep(now);
        }
    }

    private SocketSession[] Snapshot()
    {
        lock (_gate)
        {
            return [.. _sessions];
        }
    }
}
