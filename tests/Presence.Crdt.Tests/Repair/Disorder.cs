using Xunit.Abstractions;

namespace Presence.Crdt.Tests.Repair;

/// <summary>
/// An owner that goes on living and peers that hear of it through frames that are delayed, shuffled, doubled and lost;
/// all ask each other for what they lack. After every frame nothing untrue may be known anywhere; at the end all is.
/// </summary>
public sealed class Disorder(ITestOutputHelper output)
{
    private readonly Dictionary<string, int> _taken = [];

    [Theory]
    [InlineData(64, 500, 120)]
    [InlineData(4, 1000, 80)]
    [InlineData(1, 1000, 70)]
    public void Whatever_is_lost_one_good_answer_of_the_owner_makes_whole(int intervals, int runs, int longest)
    {
        Histories.Hold(runs, longest, story =>
        {
            var (owner, peers, late) = LiveThrough(story, intervals);
            foreach (var peer in peers)
            {
                Peer.Answer(owner.State, peer.Dots.Context.Bounded(intervals), 3).ForEach(peer.Take);
                Truth.AssertComplete(owner, peer.Dots);
                Assert.True(RepairPlan.For(owner.State, peer.Dots.Context).IsEmpty);
                // What is late by more than a repair raises nobody and ends nobody.
                late.ForEach(peer.Take);
                owner.Windows.ForEach(w => peer.Take(new Frame(w)));
                Truth.AssertComplete(owner, peer.Dots);
            }
        });
        AssertTaken(
            ("logged removals", 300), ("all dead", 300), ("part out of order", 100), ("lost", 1000), ("late", 1000));
    }

    [Fact]
    public void Contexts_of_more_than_64_gaps_are_repaired_from_their_prefix()
    {
        Histories.Hold(40, 1500, story =>
        {
            var (owner, peers, _) = LiveThrough(story, 64, loss: 9, asks: false);
            foreach (var peer in peers)
            {
                Count("bounded", peer.Dots.Context.IntervalCount > 64);
                Peer.Answer(owner.State, peer.Dots.Context.Bounded(64), 16).ForEach(peer.Take);
                Truth.AssertComplete(owner, peer.Dots);
            }
        });
        AssertTaken(("bounded", 20));
    }

    [Fact]
    public void Answers_that_lose_and_shuffle_their_parts_get_there_in_the_end() => Histories.Hold(500, 100, story =>
    {
        var (owner, peers, _) = LiveThrough(story, 4);
        var random = new Random(story.Seed);
        foreach (var peer in peers)
        {
            for (var round = 0; !RepairPlan.For(owner.State, peer.Dots.Context).IsEmpty; round++)
            {
                Assert.True(round < 300, "no end of repairing");
                var parts = Peer.Answer(owner.State, peer.Dots.Context.Bounded(4), 2)
                    .Where(_ => random.Next(10) < 6).ToArray();
                if (random.Next(2) == 0)
                {
                    random.Shuffle(parts);
                }

                foreach (var part in parts)
                {
                    peer.Take(part);
                    Truth.AssertNothingUntrue(owner, peer.Dots);
                }
            }

            Truth.AssertComplete(owner, peer.Dots);
        }
    });

    /// <summary>
    /// The one thing contexts do not show: of an answer with all dead that was cut short, somebody may know a death whose
    /// tick nobody has. Others learn it with the tick, so no later than from the owner's next answer to any of them.
    /// </summary>
    [Fact]
    public void Without_the_owner_the_others_agree_but_for_deaths_whose_tick_nobody_has()
    {
        Histories.Hold(1000, 100, story =>
        {
            var (owner, peers, _) = LiveThrough(story, 4);
            AskEachOther(owner, peers);
            Assert.Single(peers.Select(p => p.Dots.Context.ToString()).Distinct());
            var open = owner.Ticks.Where(t => peers[0].Dots.StateOf(t.Key) == DotState.Unknown)
                .SelectMany(t => t.Value).ToHashSet();
            var differing = peers.SelectMany(p => p.Dots.Live.Keys)
                .CountBy(d => d).Where(d => d.Value < peers.Length).Select(d => d.Key).ToList();
            Assert.Subset(open, differing.ToHashSet());
            Count("agree", differing.Count == 0);
            Count("differ", differing.Count > 0);
            Peer.Answer(owner.State, peers[0].Dots.Context.Bounded(4), 3).ForEach(peers[0].Take);
            AskEachOther(owner, peers);
            Assert.All(peers, p => Truth.AssertComplete(owner, p.Dots));
        });
        AssertTaken(("agree", 900), ("differ", 1));
    }

    private static void AskEachOther(Owner owner, Peer[] peers)
    {
        for (var round = 0; round < 2; round++)
        {
            foreach (var (asking, answering) in peers.SelectMany(a => peers.Select(b => (a, b))))
            {
                Peer.Answer(answering.Dots, asking.Dots.Context.Bounded(4), 3).ForEach(asking.Take);
                Truth.AssertNothingUntrue(owner, asking.Dots);
            }
        }
    }

    private (Owner Owner, Peer[] Peers, List<Frame> Late) LiveThrough(
        Story story, int intervals, int loss = 4, bool asks = true)
    {
        var random = new Random(story.Seed);
        var owner = new Owner(random.Next(1, 8));
        Peer[] peers = [.. Enumerable.Range(0, 3).Select(_ => new Peer(random.Next(1, 8)))];
        var underway = new List<(Peer To, Frame Frame)>();
        foreach (var step in story.Steps.Append(new Step('c', 0, 0)))
        {
            var windows = owner.Windows.Count;
            owner.Live(step);
            underway.AddRange(owner.Windows.Skip(windows).SelectMany(w => peers.Select(p => (p, new Frame(w)))));
            if (asks && random.Next(5) == 0)
            {
                var (asking, other) = (peers[random.Next(3)], random.Next(4));
                var answering = other == 3 ? owner.State : peers[other].Dots;
                underway.AddRange(Answer(answering, asking.Dots.Context.Bounded(intervals)).Select(f => (asking, f)));
            }

            for (var moves = random.Next(asks ? 4 : 5); moves > 0 && underway.Count > 0; moves--)
            {
                Move(underway, random, loss);
                Array.ForEach(peers, p => Truth.AssertNothingUntrue(owner, p.Dots));
            }
        }

        Count("late", underway.Count);
        Count("part out of order", peers.Sum(p => p.OutOfOrder));
        return (owner, peers, [.. underway.Select(u => u.Frame)]);
    }

    private List<Frame> Answer(ReplicaDots<Value> answering, IntervalSet seen)
    {
        var frames = Peer.Answer(answering, seen, 2);
        Count("logged removals", frames.Any(f => f.What.Log.Count > 0));
        Count("all dead", frames.Any(f => f.Index is not null));
        return frames;
    }

    /// <summary>One frame arrives, mostly an early one; or is lost; or arrives and will arrive again.</summary>
    private void Move(List<(Peer To, Frame Frame)> underway, Random random, int loss)
    {
        var at = random.Next(3) == 0 ? random.Next(underway.Count) : 0;
        var (to, frame) = underway[at];
        var chance = random.Next(20);
        if (chance != 0)
        {
            underway.RemoveAt(at);
        }

        if (chance > loss || chance == 0)
        {
            to.Take(frame);
        }
        else
        {
            Count("lost", 1);
        }
    }

    private void Count(string what, bool was) => Count(what, was ? 1 : 0);

    private void Count(string what, int times) => _taken[what] = _taken.GetValueOrDefault(what) + times;

    private void AssertTaken(params (string What, int AtLeast)[] expected)
    {
        output.WriteLine(string.Join(", ", _taken.Select(t => $"{t.Key}: {t.Value}")));
        Assert.All(expected, e => Assert.InRange(_taken.GetValueOrDefault(e.What), e.AtLeast, int.MaxValue));
    }
}
