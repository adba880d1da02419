namespace Presence.Client;

/// <summary>Options of a connection to a socket.</summary>
public sealed record PhoenixOptions
{
    /// <summary>Gets the token, sent as a subprotocol, because servers log addresses.</summary>
    public string? AuthToken { get; init; }

    /// <summary>Gets the parameters in the address of the socket.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the time between two heartbeats. Default 30 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets the timeout of an answer. Default 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how many pushes may wait for an answer; a further one fails at once. Default 1000.</summary>
    public int MaxPending { get; init; } = 1000;

    /// <summary>
    /// Gets the maximum size of a message from the server; a larger one ends the connection. Default 64 MiB.
    /// </summary>
    public int MaxMessageBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Gets the clock. Default that of the system.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentOutOfRangeException">A value is not positive.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Heartbeat, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPending, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1);
    }
}
