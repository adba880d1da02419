namespace Presence.Crdt;

/// <summary>What one replica's dots a requester lacks, as the answerer sees it.</summary>
/// <param name="Values">Live dots that the requester lacks, ascending, up to the number asked for.</param>
/// <param name="Removals">Removals it lacks, ascending by tick. Each travels whole; they may travel apart.</param>
/// <param name="AllDead">
/// Set when the log does not reach back far enough: all dead dots, to be sent in ascending order and applied only in that
/// order (see <see cref="ReplicaDots{TValue}.KillKnown"/>). <paramref name="Removals"/> is empty then.
/// </param>
/// <param name="More">Whether it lacks more values than <paramref name="Values"/>.</param>
internal sealed record RepairPlan(
    IReadOnlyList<ulong> Values, IReadOnlyList<Removal> Removals, IntervalSet? AllDead, bool More = false)
{
    /// <summary>Whether the requester lacks nothing.</summary>
    public bool IsEmpty => Values.Count == 0 && Removals.Count == 0 && AllDead is null;

    /// <summary>Finds what to send to somebody who has seen <paramref name="seen"/>.</summary>
    /// <param name="dots">What is known here.</param>
    /// <param name="seen">What the requester says it knows; may be less than it knows.</param>
    /// <param name="mostValues">Values to find at most, the lowest first.</param>
    public static RepairPlan For<TValue>(ReplicaDots<TValue> dots, IntervalSet seen, int mostValues = int.MaxValue)
        where TValue : class
    {
        ArgumentNullException.ThrowIfNull(dots);
        var missing = dots.Context.Except(seen);
        var values = dots.LiveWithin(missing, mostValues);
        var live = dots.CountWithin(missing);
        ulong missingDots = 0, explained = 0;
        var removals = new List<Removal>();
        foreach (var interval in missing.Intervals)
        {
            missingDots += interval.Length;
            foreach (var removal in dots.Log.Within(interval))
            {
                removals.Add(removal);
                explained++;
                foreach (var removed in removal.Removed.Span)
                {
                    explained += missing.Contains(removed) ? 1u : 0;
                }
            }
        }

        // Every missing dot is live, a tick in the log, or removed by such a tick; if some are none of these, the log
        // has forgotten removals, and only the whole truth is safe.
        var more = live > values.Count;
        return explained == missingDots - (ulong)live
            ? new RepairPlan(values, removals, null, more)
            : new RepairPlan(values, [], dots.Dead(), more);
    }
}
