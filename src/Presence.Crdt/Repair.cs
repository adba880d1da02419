namespace Presence.Crdt;

/// <summary>The dots of one replica that a requester lacks, up to a sequence number if they are too many.</summary>
/// <remarks>
/// A cut plan holds everything that is missing up to its last value, so that the requester's contiguous prefix reaches
/// that value and the next request need not name what lies behind it.
/// </remarks>
/// <param name="Values">Missing live dots, ascending, up to the requested number.</param>
/// <param name="Removals">
/// Removals of missing dots, ascending by tick. Each is indivisible; frames may split the list.
/// </param>
/// <param name="AllRemoved">
/// All removed dots if the log does not reach back far enough, else null. Send and apply them in ascending order only
/// (see <see cref="ReplicaState{TValue}.MarkKnownRemoved"/>). <paramref name="Removals"/> is empty then.
/// </param>
/// <param name="More">Whether the requester lacks dots behind the last of <paramref name="Values"/>.</param>
internal sealed record RepairPlan(
    IReadOnlyList<ulong> Values, IReadOnlyList<Removal> Removals, IntervalSet? AllRemoved, bool More = false)
{
    /// <summary>Gets whether the requester lacks nothing.</summary>
    public bool IsEmpty => Values.Count == 0 && Removals.Count == 0 && AllRemoved is null;

    /// <summary>Plans an answer to a requester with the context <paramref name="seen"/>.</summary>
    /// <param name="dots">The local state.</param>
    /// <param name="seen">The context in the request; possibly reduced.</param>
    /// <param name="maxValues">Maximum number of values, the lowest first.</param>
    public static RepairPlan For<TValue>(ReplicaState<TValue> dots, IntervalSet seen, int maxValues = int.MaxValue)
        where TValue : class
    {
        ArgumentNullException.ThrowIfNull(dots);
        var lacking = dots.Context.Except(seen);
        var values = dots.LiveWithin(lacking, maxValues);
        var more = dots.CountWithin(lacking) > values.Count;
        var missing = more ? lacking.UpTo(values[^1]) : lacking;
        ulong explained = (ulong)values.Count;
        var removals = new List<Removal>();
        foreach (var interval in lacking.Intervals)
        {
            foreach (var removal in dots.Log.Within(interval))
            {
                var before = explained;
                explained += missing.Contains(removal.Tick) ? 1u : 0;
                foreach (var removed in removal.Removed.Span)
                {
                    explained += missing.Contains(removed) ? 1u : 0;
                }

                if (explained > before)
                {
                    removals.Add(removal);
                }
            }
        }

        if (explained == missing.Length)
        {
            return new RepairPlan(values, removals, null, more);
        }

        // A missing dot is neither live, nor a tick in the log, nor removed by such a tick: the log has dropped
        // removals, and only the set of all removed dots is safe.
        var all = dots.Removed();
        return new RepairPlan(values, [], more ? all.UpTo(values[^1]) : all, more);
    }
}
