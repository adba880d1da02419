using FsCheck;
using FsCheck.Fluent;

namespace Presence.Crdt.Tests;

public sealed class Laws_and_disorder
{
    private static Config Runs(int count) => Config.QuickThrowOnFailure.WithMaxTest(count);

    private static Property ForSeeds(Func<Random, bool> holds) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed => holds(new Random(seed)));

    [Fact]
    public void Merge_is_commutative() => Check.One(Runs(500), ForSeeds(random =>
    {
        var (a, b, _) = Three(random);
        return Dots.Merged(a, b).Told() == Dots.Merged(b, a).Told();
    }));

    [Fact]
    public void Merge_is_associative() => Check.One(Runs(500), ForSeeds(random =>
    {
        var (a, b, c) = Three(random);
        return Dots.Merged(Dots.Merged(a, b), c).Told() == Dots.Merged(a, Dots.Merged(b, c)).Told();
    }));

    [Fact]
    public void Merge_is_idempotent_and_tells_nothing_the_second_time() => Check.One(Runs(500), ForSeeds(random =>
    {
        var (a, b, _) = Three(random);
        var sum = Dots.Merged(a, b);
        var before = sum.Told();
        var news = new MergeResult<Value>();
        sum.Merge(b, news);
        return sum.Told() == before && news.Joined.Count + news.Left.Count == 0;
    }));

    [Fact]
    public void All_windows_in_any_order_and_any_number_give_the_owners_model() => Check.One(Runs(500), ForSeeds(random =>
    {
        var owner = Owner.Lived(random, 60);
        List<ReplicaDots<Value>> windows = [.. owner.Windows, .. owner.Windows.Where(_ => random.Next(2) == 0)];
        random.Shuffle(windows);
        return Fits(owner, Dots.Merged([.. windows]));
    }));

    [Fact]
    public void Lost_windows_are_repaired_whatever_arrives_before_and_after() => Check.One(Runs(1000), ForSeeds(random =>
    {
        var owner = Owner.Lived(random, 120, logCapacity: random.Next(1, 40));
        List<ReplicaDots<Value>> windows = [.. owner.Windows];
        random.Shuffle(windows);
        var lost = windows.Where(_ => random.Next(3) == 0).ToList();
        var replica = Dots.Merged([.. windows.Except(lost)]);
        Repair(owner.State, replica, random, loss: 0);
        var healed = Fits(owner, replica);
        // What was late arrives after the repair and must not raise the dead.
        lost.ForEach(w => replica.Merge(w));
        return healed && Fits(owner, replica);
    }));

    [Fact]
    public void Repairs_that_lose_and_reorder_their_parts_converge_and_never_hide_a_loss() => Check.One(Runs(500), ForSeeds(random =>
    {
        var owner = Owner.Lived(random, 150, logCapacity: 4);
        var replica = Dots.Merged([.. owner.Windows.Where(_ => random.Next(2) == 0)]);
        for (var round = 0; round < 200 && replica.Context.Prefix < owner.State.Context.Max; round++)
        {
            Repair(owner.State, replica, random, loss: 40);
            if (replica.Context.Prefix == owner.State.Context.Max && !Fits(owner, replica))
            {
                return false;
            }
        }

        return Fits(owner, replica);
    }));

    [Fact]
    public void A_third_party_that_lags_repairs_nothing_into_life() => Check.One(Runs(500), ForSeeds(random =>
    {
        var owner = Owner.Lived(random, 100, logCapacity: 6);
        var third = Dots.Merged([.. owner.Windows.Where(_ => random.Next(2) == 0)]);
        var replica = Dots.Merged([.. owner.Windows.Where(_ => random.Next(2) == 0)]);
        Repair(third, replica, random, loss: 0);
        Repair(owner.State, replica, random, loss: 0);
        Repair(third, replica, random, loss: 0);
        return Fits(owner, replica);
    }));

    [Fact]
    public void Contexts_and_logs_stay_bounded_under_churn()
    {
        var owner = new Owner(logCapacity: 50);
        var replica = new ReplicaDots<Value>(50);
        for (var i = 0; i < 10_000; i++)
        {
            owner.Join($"k{i}");
            if (i >= 20)
            {
                owner.Leave($"k{i - 20}");
            }

            replica.Merge(owner.Cut());
            owner.Windows.Clear();
            Assert.Equal(1, replica.Context.IntervalCount);
            Assert.InRange(replica.Log.DotCount, 0, 50);
        }

        Assert.Equal(20, replica.Count);
    }

    [Fact]
    public void Merging_a_delta_of_one_costs_the_same_whatever_the_size_of_the_state()
    {
        Assert.InRange(BytesForOne(1_000_000), 0, (BytesForOne(10_000) * 2) + 2048);
    }

    private static long BytesForOne(int size)
    {
        var state = new ReplicaDots<Value>();
        for (var i = 1UL; i <= (ulong)size; i++)
        {
            state.Add(i, new Value(i, "k"));
        }

        // Room for what follows, so that the dictionary's rare doubling is not counted.
        var delta = new ReplicaDots<Value>();
        delta.Add((ulong)size + 2, new Value((ulong)size + 2, "new"));
        delta.Remove(new Removal((ulong)size + 1, 0, new[] { 5UL }));
        var news = new MergeResult<Value>();
        var before = GC.GetAllocatedBytesForCurrentThread();
        state.Merge(delta, news);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal((1, 1), (news.Joined.Count, news.Left.Count));
        return bytes;
    }

    private static (ReplicaDots<Value>, ReplicaDots<Value>, ReplicaDots<Value>) Three(Random random)
    {
        var windows = Owner.Lived(random, 60).Windows;
        ReplicaDots<Value> Some() => Dots.Merged([.. windows.Where(_ => random.Next(2) == 0)]);
        return (Some(), Some(), Some());
    }

    private static bool Fits(Owner owner, ReplicaDots<Value> replica) =>
        replica.Context.IsContiguous
        && replica.Context.Max == owner.State.Context.Max
        && replica.Live.Keys.Order().SequenceEqual(owner.Model.Values.Order());

    /// <summary>One request and its answer, in parts; of a hundred parts <paramref name="loss"/> are lost, and any order.</summary>
    private static void Repair(ReplicaDots<Value> answerer, ReplicaDots<Value> requester, Random random, int loss)
    {
        var plan = RepairPlan.For(answerer, requester.Context.Bounded(4));
        var parts = new List<Action>();
        var next = 0;
        parts.AddRange(plan.Values.Select(v => (Action)(() => requester.Add(v, answerer.Live[v]))));
        parts.AddRange(plan.Removals.Select(r => (Action)(() => requester.Remove(r))));
        var dead = plan.AllDead?.Intervals.ToArray() ?? [];
        for (var i = 0; i < dead.Length; i++)
        {
            var index = i;
            parts.Add(() =>
            {
                if (index == next)
                {
                    requester.Kill(dead[index]);
                    next++;
                }
                else
                {
                    requester.KillKnown(new IntervalSet(dead[index]));
                }
            });
        }

        var arriving = parts.Where(_ => random.Next(100) >= loss).ToList();
        if (loss > 0 && random.Next(2) == 0)
        {
            random.Shuffle(arriving);
        }

        arriving.ForEach(part => part());
    }
}
