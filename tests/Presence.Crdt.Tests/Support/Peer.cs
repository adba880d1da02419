namespace Presence.Crdt.Tests.Support;

/// <summary>A frame about the owner's replica: a window, or a part of the answer to a request.</summary>
/// <param name="Answer">The number of the answer, for parts that count only in order.</param>
/// <param name="Index">The place in that order; null where none is needed.</param>
internal sealed record Frame(ReplicaDots<Value> What, int Answer = 0, int? Index = null);

/// <summary>Somebody who learns of the owner's replica from frames, and observes what each changed.</summary>
internal sealed class Peer(int logCapacity = int.MaxValue)
{
    private static int s_answers;
    private readonly SortedSet<ulong> _shown = [];
    private readonly Dictionary<ulong, DotState> _before = [];
    private (int Answer, int Next) _taking;

    public ReplicaDots<Value> Dots { get; } = new(logCapacity);

    /// <summary>Parts that came without those before them.</summary>
    public int OutOfOrder { get; private set; }

    public void Take(Frame frame)
    {
        var merged = new MergeResult<Value>();
        if (frame.Index is { } index && index > 0 && _taking != (frame.Answer, index))
        {
            OutOfOrder++;
            Dots.KillKnown(frame.What.Dead(), merged);
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

    /// <summary>What somebody who has this state answers to somebody who has seen that context.</summary>
    public static List<Frame> Answer(ReplicaDots<Value> state, IntervalSet seen, int partSize)
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
        foreach (var chunk in (plan.AllDead?.Intervals.ToArray() ?? []).Chunk(partSize))
        {
            frames.Add(Part(p => p.Kill(new IntervalSet(chunk))) with { Answer = answer, Index = index++ });
        }

        return frames;
    }

    /// <summary>What was announced must add up to what lives, and no dot may go back.</summary>
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

    private static Frame Part(Action<ReplicaDots<Value>> fill)
    {
        var part = new ReplicaDots<Value>();
        fill(part);
        return new Frame(part);
    }
}
