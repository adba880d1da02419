namespace Presence.Harness.Histories;

/// <summary>Determines when each node could run a unique process: running, not suspended, with a store.</summary>
internal static class Availability
{
    /// <summary>Splits the time at every fault of any node.</summary>
    public static IEnumerable<(string Node, Span Able)> Of(IReadOnlyList<HistoryEvent> events)
    {
        var states = new Dictionary<string, State>(StringComparer.Ordinal);
        var last = TimeSpan.Zero;
        foreach (var happened in events.SelectMany(Expand).OrderBy(happened => happened.At))
        {
            if (Change(happened) is not { } change)
            {
                continue;
            }

            foreach (var (node, _) in states.Where(state => state.Value.IsAble))
            {
                yield return (node, new Span(last, happened.At));
            }

            last = happened.At;
            states[change.Node] = change.To(states.GetValueOrDefault(change.Node));
        }

        foreach (var (node, _) in states.Where(state => state.Value.IsAble))
        {
            yield return (node, new Span(last, events[^1].At));
        }
    }

    /// <summary>A node without CPU time could not run anything either.</summary>
    private static IEnumerable<HistoryEvent> Expand(HistoryEvent happened) => happened is NodeStarved starved
        ? [new NodePaused(starved.At - starved.For, starved.Node), new NodeContinued(starved.At, starved.Node)]
        : [happened];

    private static (string Node, Func<State, State> To)? Change(HistoryEvent happened) => happened switch
    {
        NodeStarted e => (e.Node, state => state with { IsThere = true, IsStill = false }),
        NodeEnded e => (e.Node, state => state with { IsThere = false }),
        NodePaused e => (e.Node, state => state with { IsStill = true }),
        NodeContinued e => (e.Node, state => state with { IsStill = false }),
        StoreLost e => (e.Node, state => state with { Losses = state.Losses + 1 }),
        StoreFound e => (e.Node, state => state with { Losses = Math.Max(0, state.Losses - 1) }),
        _ => null,
    };

    /// <param name="Losses">
    /// The number of failures that disconnect the store: of the node's link and of the store.
    /// </param>
    private readonly record struct State(bool IsThere, bool IsStill, int Losses)
    {
        public bool IsAble => IsThere && !IsStill && Losses == 0;
    }
}
