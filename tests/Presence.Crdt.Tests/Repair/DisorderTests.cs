using Xunit.Abstractions;

namespace Presence.Crdt.Tests.Repair;

/// <summary>
/// An owner that keeps changing and peers that get delayed, reordered, duplicated and lost frames and request missing
/// state of each other. After every frame all states must be consistent; at the end they must be complete.
/// </summary>
public sealed class DisorderTests(ITestOutputHelper output)
{
    private readonly Dictionary<string, int> _taken = [];

    [Theory]
    [InlineData(64, 500, 120)]
    [InlineData(4, 1000, 80)]
    [InlineData(1, 1000, 70)]
    public void One_complete_answer_of_the_owner_repairs_any_loss(int intervals, int runs, int longest)
    {
        Histories.Hold(runs, longest, story =>
        {
            var (owner, peers, late) = RunStory(story, intervals);
            foreach (var peer in peers)
            {
                Peer.Respond(owner.State, peer.Dots.Context.Bounded(intervals), 3).ForEach(peer.Receive);
                Truth.AssertComplete(owner, peer.Dots);
                Assert.True(RepairPlan.For(owner.State, peer.Dots.Context).IsEmpty);
                // A frame that arrives after a repair adds and ends nothing.
                late.ForEach(peer.Receive);
                owner.Windows.ForEach(w => peer.Receive(new Frame(w)));
                Truth.AssertComplete(owner, peer.Dots);
            }
        });
        AssertCounts(
            ("logged removals", 300), ("all removed", 300), ("part out of order", 100), ("lost", 1000), ("late", 1000));
    }

    [Fact]
    public void Contexts_of_more_than_64_gaps_are_repaired_from_their_prefix()
    {
        Histories.Hold(40, 1500, story =>
        {
            var (owner, peers, _) = RunStory(story, 64, loss: 9, asks: false);
            foreach (var peer in peers)
            {
                Count("bounded", peer.Dots.Context.IntervalCount > 64);
                Peer.Respond(owner.State, peer.Dots.Context.Bounded(64), 16).ForEach(peer.Receive);
                Truth.AssertComplete(owner, peer.Dots);
            }
        });
        AssertCounts(("bounded", 20));
    }

    [Fact]
    public void Answers_that_lose_and_shuffle_parts_converge() => Histories.Hold(500, 100, story =>
    {
        var (owner, peers, _) = RunStory(story, 4);
        var random = new Random(story.Seed);
        foreach (var peer in peers)
        {
            for (var round = 0; !RepairPlan.For(owner.State, peer.Dots.Context).IsEmpty; round++)
            {
                Assert.True(round < 300, "the repair does not end");
                var parts = Peer.Respond(owner.State, peer.Dots.Context.Bounded(4), 2)
                    .Where(_ => random.Next(10) < 6).ToArray();
                if (random.Next(2) == 0)
                {
                    random.Shuffle(parts);
                }

                foreach (var part in parts)
                {
                    peer.Receive(part);
                    Truth.AssertConsistent(owner, peer.Dots);
                }
            }

            Truth.AssertComplete(owner, peer.Dots);
        }
    });

    /// <summary>
    /// The one thing contexts do not show: from a cut answer with all removed dots, a peer may know a removed dot whose
    /// tick no peer has. Others get it with the tick, at the latest from the owner's next answer to any of them.
    /// </summary>
    [Fact]
    public void Peers_without_the_owner_agree_except_for_removed_dots_whose_tick_is_unknown()
    {
        Histories.Hold(1000, 100, story =>
        {
            var (owner, peers, _) = RunStory(story, 4);
            RepairEachOther(owner, peers);
            Assert.Single(peers.Select(p => p.Dots.Context.ToString()).Distinct());
            var open = owner.Ticks.Where(t => peers[0].Dots.StateOf(t.Key) == DotState.Unknown)
                .SelectMany(t => t.Value).ToHashSet();
            var differing = peers.SelectMany(p => p.Dots.Live.Keys)
                .CountBy(d => d).Where(d => d.Value < peers.Length).Select(d => d.Key).ToList();
            Assert.Subset(open, differing.ToHashSet());
            Count("agree", differing.Count == 0);
            Count("differ", differing.Count > 0);
            Peer.Respond(owner.State, peers[0].Dots.Context.Bounded(4), 3).ForEach(peers[0].Receive);
            RepairEachOther(owner, peers);
            Assert.All(peers, p => Truth.AssertComplete(owner, p.Dots));
        });
        AssertCounts(("agree", 900), ("differ", 1));
    }

    private static void RepairEachOther(Owner owner, Peer[] peers)
    {
        for (var round = 0; round < 2; round++)
        {
            foreach (var (asking, answering) in peers.SelectMany(a => peers.Select(b => (a, b))))
            {
                Peer.Respond(answering.Dots, asking.Dots.Context.Bounded(4), 3).ForEach(asking.Receive);
                Truth.AssertConsistent(owner, asking.Dots);
            }
        }
    }

    private (Owner Owner, Peer[] Peers, List<Frame> Late) RunStory(
        Story story, int intervals, int loss = 4, bool asks = true)
    {
        var random = new Random(story.Seed);
        var owner = new Owner(random.Next(1, 8));
        Peer[] peers = [.. Enumerable.Range(0, 3).Select(_ => new Peer(random.Next(1, 8)))];
        var inFlight = new List<(Peer To, Frame Frame)>();
        foreach (var step in story.Steps.Append(new Step('c', 0, 0)))
        {
            var windows = owner.Windows.Count;
            owner.Apply(step);
            inFlight.AddRange(owner.Windows.Skip(windows).SelectMany(w => peers.Select(p => (p, new Frame(w)))));
            if (asks && random.Next(5) == 0)
            {
                var (asking, other) = (peers[random.Next(3)], random.Next(4));
                var answering = other == 3 ? owner.State : peers[other].Dots;
                inFlight.AddRange(Answer(answering, asking.Dots.Context.Bounded(intervals)).Select(f => (asking, f)));
            }

            for (var moves = random.Next(asks ? 4 : 5); moves > 0 && inFlight.Count > 0; moves--)
            {
                Move(inFlight, random, loss);
                Array.ForEach(peers, p => Truth.AssertConsistent(owner, p.Dots));
            }
        }

        Count("late", inFlight.Count);
        Count("part out of order", peers.Sum(p => p.OutOfOrder));
        return (owner, peers, [.. inFlight.Select(u => u.Frame)]);
    }

    private List<Frame> Answer(ReplicaState<Value> answering, IntervalSet seen)
    {
        var frames = Peer.Respond(answering, seen, 2);
        Count("logged removals", frames.Any(f => f.What.Log.Count > 0));
        Count("all removed", frames.Any(f => f.Index is not null));
        return frames;
    }

    /// <summary>Delivers one frame, mostly an early one; or loses it; or delivers it and keeps it for later.</summary>
    private void Move(List<(Peer To, Frame Frame)> inFlight, Random random, int loss)
    {
        var at = random.Next(3) == 0 ? random.Next(inFlight.Count) : 0;
        var (to, frame) = inFlight[at];
        var chance = random.Next(20);
        if (chance != 0)
        {
            inFlight.RemoveAt(at);
        }

        if (chance > loss || chance == 0)
        {
            to.Receive(frame);
        }
        else
        {
            Count("lost", 1);
        }
    }

    private void Count(string what, bool was) => Count(what, was ? 1 : 0);

    private void Count(string what, int times) => _taken[what] = _taken.GetValueOrDefault(what) + times;

    private void AssertCounts(params (string What, int AtLeast)[] expected)
    {
        output.WriteLine(string.Join(", ", _taken.Select(t => $"{t.Key}: {t.Value}")));
        Assert.All(expected, e => Assert.InRange(_taken.GetValueOrDefault(e.What), e.AtLeast, int.MaxValue));
    }
}
