namespace Presence.Node;

/// <summary>Whether a member reaches what carries frames between members.</summary>
/// <param name="IsConnected">
/// False while what the engine depends on is away: the member serves what it has and tracks its own, and what happens
/// elsewhere reaches it when the engine is back.
/// </param>
/// <param name="Since">When that began; null if it was never otherwise.</param>
/// <param name="Problem">Why it is not connected, for an operator; holds no secrets. Null while it is.</param>
/// <param name="Carried">
/// How often the engine has taken from this member what it had to carry, for an engine that may hang before it is found to be
/// away; null for one that does not count. A question that went out when this did not rise is no question unanswered.
/// </param>
public sealed record LinkStatus(bool IsConnected, DateTimeOffset? Since = null, string? Problem = null, long? Carried = null)
{
    /// <summary>The status of an engine that depends on nothing.</summary>
    public static LinkStatus Always { get; } = new(true);
}
