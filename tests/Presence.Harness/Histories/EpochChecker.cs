namespace Presence.Harness.Histories;

/// <summary>Tells from a history whether epochs of unique processes did what they are for, and whether every term had an end.</summary>
internal static class EpochChecker
{
    public static IEnumerable<Finding> Check(IReadOnlyList<HistoryEvent> events)
    {
        var history = new UniqueHistory(events);
        return history.Terms
            .GroupBy(term => term.Began.Process, StringComparer.Ordinal)
            .SelectMany(process => TwoHolders(process).Concat(NotGrown(history, [.. process.Where(term => term.Began.Epoch is not null)])))
            .Concat(OldAccepted(events))
            .Concat(WithoutReason(history));
    }

    private static IEnumerable<Finding> TwoHolders(IEnumerable<Term> terms) => terms
        .Where(term => term.Began.Epoch is not null)
        .GroupBy(term => term.Began.Epoch)
        .Where(holders => holders.Count() > 1)
        .Select(holders => new Finding(
            FindingKind.TwoHoldersOfAnEpoch,
            holders.Last().Began.At,
            holders.Last().Began.Member,
            $"{string.Join(" and ", holders)} of {holders.Last().Began.Process}"));

    /// <summary>Who stood still between the grant of its epoch and its start may come after somebody with a later one.</summary>
    private static IEnumerable<Finding> NotGrown(UniqueHistory history, List<Term> terms)
    {
        var highest = terms.FirstOrDefault();
        foreach (var term in terms.Skip(1))
        {
            if (term.Began.Epoch > highest!.Began.Epoch)
            {
                highest = term;
            }
            else if (term.Began.Epoch < highest.Began.Epoch
                && !history.StoodStill(term.Began.Member, new Span(highest.Began.At, term.Began.At)))
            {
                yield return new Finding(
                    FindingKind.EpochNotGrown, term.Began.At, term.Began.Member, $"{term} of {term.Began.Process} began after {highest}");
            }
        }
    }

    private static IEnumerable<Finding> OldAccepted(IEnumerable<HistoryEvent> events)
    {
        var highest = new Dictionary<string, EffectTried>(StringComparer.Ordinal);
        foreach (var effect in events.OfType<EffectTried>().Where(effect => effect is { IsAccepted: true, Epoch: not null }))
        {
            if (highest.TryGetValue(effect.Process, out var before) && effect.Epoch < before.Epoch)
            {
                yield return new Finding(
                    FindingKind.OldEpochAccepted,
                    effect.At,
                    effect.Term,
                    $"effect {effect.Sequence} on {effect.Process} with epoch {effect.Epoch} was accepted after one with {before.Epoch}");
            }
            else
            {
                highest[effect.Process] = effect;
            }
        }
    }

    private static IEnumerable<Finding> WithoutReason(UniqueHistory history)
    {
        foreach (var term in history.Terms.Where(term => term.Ended?.Reason is null && term.Died is null))
        {
            var stop = history.Events.OfType<MemberEnded>()
                .FirstOrDefault(end => end.Member == term.Began.Member && end.At >= term.Began.At);
            if (term.Ended is not null || stop is not null)
            {
                yield return new Finding(
                    FindingKind.EndWithoutReason,
                    term.End ?? stop!.At,
                    term.Began.Member,
                    $"{term} of {term.Began.Process} {(term.Ended is null ? "was not told to end when its member stopped" : "ended without a reason")}");
            }
        }
    }
}
