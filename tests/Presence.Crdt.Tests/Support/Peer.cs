namespace Presence.Crdt.Tests.Support;

/// <summary>A frame of the owner's replica: a window, or a part of a repair response.</summary>
/// <param name="Answer">The number of the response, for ordered parts.</param>
/// <param name="Index">The place in the order; null for unordered parts.</param>
internal sealed record Frame(ReplicaState<Value> What, int Answer = 0, int? Index = null);

/// <summary>A peer that merges frames of the owner's replica and checks the reported changes.</summary>
internal sealed class Peer(int logCapacity = int.MaxValue)
{
    private static int s_answers;
    private readonly SortedSet<ulong> _shown = [];
    private readonly Dictionary<ulong, DotState> _before = [];
    private (int Answer, int Next) _taking;

    public ReplicaState<Value> Dots { get; } = new(logCapacity);

    /// <summary>Gets the number of parts that arrived without their predecessors.</summary>
    public int OutOfOrder { get; private set; }

    public void Receive(Frame frame)
    {
        var merged = new MergeResult<Value>();
        if (frame.Index is { } index && index > 0 && _taking != (frame.Answer, index))
        {
            OutOfOrder++;
            Dots.MarkKnownRemoved(frame.What.Removed(), merged);
        }
        else
        {
            if (frame.Index is { } next)
            {
                _taking = (frame.Answer, next + 1);
            }

            Dots.Merge(frame.What, merged);
        }

        Observe(merged);
    }

    /// <summary>Returns the response of a peer with a state to a requester with a context.</summary>
    public static List<Frame> Respond(ReplicaState<Value> state, IntervalSet seen, int partSize)
    {
        var plan = RepairPlan.For(state, seen);
        var answer = Interlocked.Increment(ref s_answers);
        var frames = new List<Frame>();
        foreach (var chunk in plan.Values.Chunk(partSize))
        {
            frames.Add(Part(p => Array.ForEach(chunk, v => p.Add(v, state.Live[v]))));
        }

        foreach (var chunk in plan.Removals.Chunk(partSize))
        {
            frames.Add(Part(p => Array.ForEach(chunk, r => p.Remove(r))));
        }

        var index = 0;
        foreach (var chunk in (plan.AllRemoved?.Intervals.ToArray() ?? []).Chunk(partSize))
        {
            frames.Add(Part(p => p.MarkRemoved(new IntervalSet(chunk))) with { Answer = answer, Index = index++ });
        }

        return frames;
    }

    /// <summary>Checks that the reported changes add up to the live values, and that no dot goes back.</summary>
    private void Observe(MergeResult<Value> merged)
    {
        Assert.Equal(merged.Joined.Select(v => v.Sequence).Order(), merged.Joined.Select(v => v.Sequence));
        Assert.All(merged.Joined, v => Assert.True(_shown.Add(v.Sequence), $"{v} joined twice"));
        Assert.All(merged.Left, l => Assert.True(_shown.Remove(l.Value.Sequence), $"{l.Value} left and was not there"));
        Assert.Equal(_shown, Dots.Live.Keys.Order());
        for (var dot = 1UL; dot <= Dots.Context.Max; dot++)
        {
            var (before, now) = (_before.GetValueOrDefault(dot), Dots.StateOf(dot));
            Assert.True(now >= before, $"{dot} was {before} and is {now}");
            _before[dot] = now;
        }
    }

    private static Frame Part(Action<ReplicaState<Value>> fill)
    {
        var part = new ReplicaState<Value>();
        fill(part);
        return new Frame(part);
    }
}
