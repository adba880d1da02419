namespace Presence.CommandLine;

/// <summary>Counts what happened to a crowd. Thread-safe.</summary>
internal sealed class ShopperCounts
{
    private long _connected;
    private long _joined;
    private long _failed;
    private long _dropped;
    private long _reconnected;
    private long _disagreed;
    private long _received;
    private long _sent;
    private string? _firstFailure;
    private string? _firstDisagreement;

    /// <summary>Gets the round trips of joins and pushes.</summary>
    public Latencies RoundTrips { get; } = new();

    public long Connected => Volatile.Read(ref _connected);

    public long Joined => Volatile.Read(ref _joined);

    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Gets the connections that shoppers aborted on purpose.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Gets the connections that the server or the network ended.</summary>
    public long Reconnected => Volatile.Read(ref _reconnected);

    /// <summary>Gets the differences between what the server showed and what the crowd knows.</summary>
    public long Disagreed => Volatile.Read(ref _disagreed);

    public long Messages => Volatile.Read(ref _received) + Volatile.Read(ref _sent);

    public string? FirstFailure => Volatile.Read(ref _firstFailure);

    public string? FirstDisagreement => Volatile.Read(ref _firstDisagreement);

    public void AddConnection() => Interlocked.Increment(ref _connected);

    public void AddJoin() => Interlocked.Increment(ref _joined);

    public void AddDrop() => Interlocked.Increment(ref _dropped);

    public void AddReconnect() => Interlocked.Increment(ref _reconnected);

    public void AddFailure(string reason)
    {
        Interlocked.Increment(ref _failed);
        Interlocked.CompareExchange(ref _firstFailure, reason, null);
    }

    public void AddDisagreement(string difference)
    {
        Interlocked.Increment(ref _disagreed);
        Interlocked.CompareExchange(ref _firstDisagreement, difference, null);
    }

    /// <summary>Adds the messages of a connection that has ended.</summary>
    public void AddMessages(PhoenixSocket socket)
    {
        Interlocked.Add(ref _received, socket.Received);
        Interlocked.Add(ref _sent, socket.Sent);
    }
}
