namespace Presence.Harness.Histories;

/// <summary>When which member could run a unique process: it was there, went on, and reached the store.</summary>
internal static class Availability
{
    /// <summary>Cut into pieces wherever something was done to any of the members.</summary>
    public static IEnumerable<(string Member, Span Able)> Of(IReadOnlyList<HistoryEvent> events)
    {
        var states = new Dictionary<string, State>(StringComparer.Ordinal);
        var last = TimeSpan.Zero;
        foreach (var happened in events.SelectMany(Expand).OrderBy(happened => happened.At))
        {
            if (Change(happened) is not { } change)
            {
                continue;
            }

            foreach (var (member, _) in states.Where(state => state.Value.IsAble))
            {
                yield return (member, new Span(last, happened.At));
            }

            last = happened.At;
            states[change.Member] = change.To(states.GetValueOrDefault(change.Member));
        }

        foreach (var (member, _) in states.Where(state => state.Value.IsAble))
        {
            yield return (member, new Span(last, events[^1].At));
        }
    }

    /// <summary>Who was given no time by the machine could not run anything either.</summary>
    private static IEnumerable<HistoryEvent> Expand(HistoryEvent happened) => happened is MemberStarved starved
        ? [new MemberPaused(starved.At - starved.For, starved.Member), new MemberContinued(starved.At, starved.Member)]
        : [happened];

    private static (string Member, Func<State, State> To)? Change(HistoryEvent happened) => happened switch
    {
        MemberStarted e => (e.Member, state => state with { IsThere = true, IsStill = false }),
        MemberEnded e => (e.Member, state => state with { IsThere = false }),
        MemberPaused e => (e.Member, state => state with { IsStill = true }),
        MemberContinued e => (e.Member, state => state with { IsStill = false }),
        StoreLost e => (e.Member, state => state with { Losses = state.Losses + 1 }),
        StoreFound e => (e.Member, state => state with { Losses = Math.Max(0, state.Losses - 1) }),
        _ => null,
    };

    /// <param name="Losses">In how many ways the store is out of reach: its own line, and the store itself.</param>
    private readonly record struct State(bool IsThere, bool IsStill, int Losses)
    {
        public bool IsAble => IsThere && !IsStill && Losses == 0;
    }
}
