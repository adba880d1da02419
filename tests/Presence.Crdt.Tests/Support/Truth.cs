namespace Presence.Crdt.Tests.Support;

/// <summary>Compares what somebody knows with the model of the owner.</summary>
internal static class Truth
{
    public static string Told(this ReplicaDots<Value> dots) =>
        $"seen {dots.Context} live {string.Join(",", dots.Live.Keys.Order())}";

    /// <summary>What is known, and of which removals the story is known.</summary>
    public static string ToldWithLog(this ReplicaDots<Value> dots) =>
        $"{dots.Told()} log "
        + string.Join(" ", dots.Log.Removals.ToArray().Select(r => $"{r.Tick}/{r.Removed.Length}"));

    public static ReplicaDots<Value> Merged(params ReplicaDots<Value>[] parts)
    {
        var sum = new ReplicaDots<Value>();
        foreach (var part in parts)
        {
            sum.Merge(part);
        }

        return sum;
    }

    /// <summary>What holds at any moment: nothing untrue is known, and no tick without its deaths.</summary>
    public static void AssertNothingUntrue(Owner owner, ReplicaDots<Value> known)
    {
        Assert.True(known.Context.Max <= owner.Counter, $"{known.Told()} is beyond {owner.Counter}");
        for (var dot = 1UL; dot <= owner.Counter; dot++)
        {
            var state = known.StateOf(dot);
            Assert.True(state != DotState.Dead || owner.Dead.Contains(dot), $"{dot} was lost: it lives at its owner");
            Assert.True(state != DotState.Live || !owner.Ticks.ContainsKey(dot), $"{dot} is a tick and has a value");
            if (state == DotState.Dead && owner.Ticks.TryGetValue(dot, out var removed))
            {
                var isWhole = removed.All(r => known.StateOf(r) == DotState.Dead);
                Assert.True(isWhole, $"tick {dot} counts as seen without its deaths");
            }
        }
    }

    /// <summary>What holds at the end: all is known, and what lives is what lives in the model.</summary>
    public static void AssertComplete(Owner owner, ReplicaDots<Value> known)
    {
        Assert.Equal((true, owner.Counter), (known.Context.IsContiguous, known.Context.Max));
        Assert.Equal(owner.Model.Values.Order(), known.Live.Keys.Order());
        Assert.Equal(owner.Model.Keys, known.Live.Values.Select(v => v.Key).Order(StringComparer.Ordinal));
    }
}
