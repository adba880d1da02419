namespace Presence.Node;

/// <summary>How much of another node's changes a view contains.</summary>
/// <param name="Node">The node.</param>
/// <param name="IsUp">Whether its presences are shown: false after it was silent for the down period.</param>
/// <param name="Age">
/// All its changes that are older than this are in the view, except that a change which is known to be missing may be
/// older by one broadcast period. Measured by the clock of the node that answers, without the time that frames travel.
/// </param>
public readonly record struct NodeFreshness(string Node, bool IsUp, TimeSpan Age);
