namespace Presence.Client;

/// <summary>Options of a connection to a socket.</summary>
public sealed record PhoenixOptions
{
    /// <summary>Gets the token, sent as a subprotocol, because servers log addresses.</summary>
    public string? AuthToken { get; init; }

    /// <summary>Gets the parameters in the address of the socket.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the time between two heartbeats. Default 30 s, at most 24 days.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Gets the timeout of connecting, of sending a push, and of its answer. Default 10 s, at most 24 days.
    /// </summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how many pushes may wait for an answer; a further one fails at once. Default 1000.</summary>
    public int MaxPending { get; init; } = 1000;

    /// <summary>
    /// Gets the maximum size of a message from the server; a larger one ends the connection. Default 64 MiB, less
    /// than 1 GiB.
    /// </summary>
    public int MaxMessageBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>Gets the clock. Default that of the system.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets the longest time that is waited for: timers accept little more.</summary>
    internal static TimeSpan MaxWait { get; } = TimeSpan.FromDays(24);

    /// <exception cref="ArgumentOutOfRangeException">A value is not positive or too large.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Heartbeat, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Heartbeat, MaxWait);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Timeout, MaxWait);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPending, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(MaxMessageBytes, 1 << 30);
    }
}
