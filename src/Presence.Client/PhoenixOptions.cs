namespace Presence.Client;

/// <summary>How to connect.</summary>
internal sealed record PhoenixOptions
{
    /// <summary>Travels as a subprotocol, which no server writes into its log as it does addresses.</summary>
    public string? AuthToken { get; init; }

    /// <summary>Parameters of the socket, in the address.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();

    /// <summary>Time between two heartbeats.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an answer may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pushes that may wait for an answer; a further one fails at once.</summary>
    public int MaxPending { get; init; } = 1000;

    public TimeProvider Time { get; init; } = TimeProvider.System;
}
