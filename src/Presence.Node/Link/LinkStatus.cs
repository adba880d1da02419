namespace Presence.Node;

/// <summary>Whether a member reaches what carries frames between members.</summary>
/// <param name="IsConnected">
/// False while what the engine depends on is away: the member serves what it has and tracks its own, and what happens
/// elsewhere reaches it when the engine is back.
/// </param>
/// <param name="Since">When that began; null if it was never otherwise.</param>
/// <param name="Problem">Why it is not connected, for an operator; holds no secrets. Null while it is.</param>
public sealed record LinkStatus(bool IsConnected, DateTimeOffset? Since = null, string? Problem = null)
{
    /// <summary>The status of an engine that depends on nothing.</summary>
    public static LinkStatus Always { get; } = new(true);
}
