namespace Presence.Harness.Histories;

/// <summary>Checks the epochs of unique processes in a history, and that every term has an end.</summary>
internal static class EpochChecker
{
    public static IEnumerable<Finding> Check(IReadOnlyList<HistoryEvent> events)
    {
        var history = new UniqueHistory(events);
        return history.Terms
            .GroupBy(term => term.Began.Process, StringComparer.Ordinal)
            .SelectMany(process => TwoHolders(process)
                .Concat(NotGrown(history, [.. process.Where(term => term.Began.Epoch is not null)])))
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
            holders.Last().Began.Node,
            $"{string.Join(" and ", holders)} of {holders.Last().Began.Process}"));

    /// <summary>A node suspended between the grant of its epoch and its start may start after a later one.</summary>
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
                && !history.WasSuspended(term.Began.Node, new Span(highest.Began.At, term.Began.At)))
            {
                yield return new Finding(
                    FindingKind.EpochNotGrown,
                    term.Began.At,
                    term.Began.Node,
                    $"{term} of {term.Began.Process} began after {highest}");
            }
        }
    }

    private static IEnumerable<Finding> OldAccepted(IEnumerable<HistoryEvent> events)
    {
        var highest = new Dictionary<string, EffectTried>(StringComparer.Ordinal);
        foreach (var effect in events.OfType<EffectTried>().Where(
            effect => effect is { IsAccepted: true, Epoch: not null }))
        {
            if (highest.TryGetValue(effect.Process, out var before) && effect.Epoch < before.Epoch)
            {
                yield return new Finding(
                    FindingKind.OldEpochAccepted,
                    effect.At,
                    effect.Term,
                    $"effect {effect.Sequence} on {effect.Process} with epoch {effect.Epoch} was accepted after "
                    + $"one with {before.Epoch}");
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
            var stop = history.Events.OfType<NodeEnded>()
                .FirstOrDefault(end => end.Node == term.Began.Node && end.At >= term.Began.At);
            if (term.Ended is not null || stop is not null)
            {
                yield return new Finding(
                    FindingKind.EndWithoutReason,
                    term.End ?? stop!.At,
                    term.Began.Node,
                    $"{term} of {term.Began.Process} "
                    + (term.Ended is null ? "was not ended when its node stopped" : "ended without a reason"));
            }
        }
    }
}
