namespace Presence.CommandLine;

/// <summary>What happened to a crowd, counted from any thread.</summary>
internal sealed class CrowdCounts
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

    /// <summary>Round trips of joins and pushes.</summary>
    public Latencies Answers { get; } = new();

    public long Connected => Volatile.Read(ref _connected);

    public long Joined => Volatile.Read(ref _joined);

    public long Failed => Volatile.Read(ref _failed);

    /// <summary>Connections ended without goodbye, on purpose.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Connections that the server or the network ended.</summary>
    public long Reconnected => Volatile.Read(ref _reconnected);

    /// <summary>Answers that were not what the shopper knew its cart to be.</summary>
    public long Disagreed => Volatile.Read(ref _disagreed);

    public long Messages => Volatile.Read(ref _received) + Volatile.Read(ref _sent);

    public string? FirstFailure => Volatile.Read(ref _firstFailure);

    public string? FirstDisagreement => Volatile.Read(ref _firstDisagreement);

    public void Connect() => Interlocked.Increment(ref _connected);

    public void Join() => Interlocked.Increment(ref _joined);

    public void Drop() => Interlocked.Increment(ref _dropped);

    public void Reconnect() => Interlocked.Increment(ref _reconnected);

    public void Fail(string why)
    {
        Interlocked.Increment(ref _failed);
        Interlocked.CompareExchange(ref _firstFailure, why, null);
    }

    public void Disagree(string how)
    {
        Interlocked.Increment(ref _disagreed);
        Interlocked.CompareExchange(ref _firstDisagreement, how, null);
    }

    /// <summary>Takes over what a connection has counted, when it is over.</summary>
    public void Take(PhoenixSocket socket)
    {
        Interlocked.Add(ref _received, socket.Received);
        Interlocked.Add(ref _sent, socket.Sent);
    }
}
