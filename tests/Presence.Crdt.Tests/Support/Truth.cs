namespace Presence.Crdt.Tests.Support;

/// <summary>Compares states with the model of the owner.</summary>
internal static class Truth
{
    public static string Describe(this ReplicaState<Value> dots) =>
        $"seen {dots.Context} live {string.Join(",", dots.Live.Keys.Order())}";

    /// <summary>Describes the state and the logged removals.</summary>
    public static string DescribeWithLog(this ReplicaState<Value> dots) =>
        $"{dots.Describe()} log "
        + string.Join(" ", dots.Log.Removals.ToArray().Select(r => $"{r.Tick}/{r.Removed.Length}"));

    public static ReplicaState<Value> Merged(params ReplicaState<Value>[] parts)
    {
        var sum = new ReplicaState<Value>();
        foreach (var part in parts)
        {
            sum.Merge(part);
        }

        return sum;
    }

    /// <summary>Checks that the state is consistent with the owner, and has no tick without its removed dots.</summary>
    public static void AssertConsistent(Owner owner, ReplicaState<Value> known)
    {
        Assert.True(known.Context.Max <= owner.Counter, $"{known.Describe()} is beyond {owner.Counter}");
        for (var dot = 1UL; dot <= owner.Counter; dot++)
        {
            var state = known.StateOf(dot);
            Assert.True(
                state != DotState.Removed || owner.RemovedDots.Contains(dot), $"{dot} was lost: its owner has it");
            Assert.True(state != DotState.Live || !owner.Ticks.ContainsKey(dot), $"{dot} is a tick and has a value");
            if (state == DotState.Removed && owner.Ticks.TryGetValue(dot, out var removed))
            {
                var isWhole = removed.All(r => known.StateOf(r) == DotState.Removed);
                Assert.True(isWhole, $"tick {dot} counts as seen without its removed dots");
            }
        }
    }

    /// <summary>Checks that the state is complete and equals the model.</summary>
    public static void AssertComplete(Owner owner, ReplicaState<Value> known)
    {
        Assert.Equal((true, owner.Counter), (known.Context.IsContiguous, known.Context.Max));
        Assert.Equal(owner.Model.Values.Order(), known.Live.Keys.Order());
        Assert.Equal(owner.Model.Keys, known.Live.Values.Select(v => v.Key).Order(StringComparer.Ordinal));
    }
}
