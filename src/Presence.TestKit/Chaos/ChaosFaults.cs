using Presence.TestKit.Network;
using Presence.TestKit.Time;
using Presence.Tracker;

namespace Presence.TestKit.Chaos;

/// <summary>Injects faults and ends them after a random duration.</summary>
internal sealed partial class ChaosFaults(SimulatedCluster cluster, SimulationRandom random)
{
    private const int MinRunning = 2;
    private const int MaxLiving = 6;

    private readonly int[] _counts = new int[Enum.GetValues<FaultKind>().Length];
    private int _names;

    public IReadOnlyList<int> Counts => _counts;

    public int Active { get; private set; }

    private TrackerOptions Tracker => cluster.Options.Tracker;

    private TimeSpan Down => Tracker.EffectiveDownPeriod;

    /// <summary>Begins a fault of a kind; returns false if no node is eligible now.</summary>
    public bool Begin(FaultKind kind)
    {
        var begun = kind switch
        {
            FaultKind.Loss => Links(All(), link => link with { Loss = Connectivity.MaxLoss }, Period(2, 8)),
            FaultKind.HeavyLoss => LinksOf(link => link with { Loss = 0.5 }, Period(1, 3)),
            FaultKind.Duplication => Links(All(), link => link with { Duplication = 0.2 }, Period(2, 6)),
            FaultKind.Reordering => Links(All(), link => link with { Reordering = 0.2 }, Period(2, 6)),
            FaultKind.Delay => LinksOf(
                link => link with { Reordering = 0.4, QueueDelay = TimeSpan.FromSeconds(2) }, Period(1, 3)),
            FaultKind.ShortPartition => Partition(Down * 0.1, Down * 0.8),
            FaultKind.LongPartition => Partition(Down * 1.2, Down * 2.5),
            FaultKind.VeryLongPartition => Partition(Tracker.PermDownPeriod * 1.05, Tracker.PermDownPeriod * 1.4),
            FaultKind.OneWayPartition => OneWay(),
            FaultKind.ShortPause => Pause(Down * 0.1, Down * 0.8),
            FaultKind.LongPause => Pause(Down * 1.2, Down * 2),
            FaultKind.CrashAndRestart => CrashAndRestart(),
            FaultKind.CrashAndReplacement => CrashAndReplacement(),
            FaultKind.RestartWithClockBack => RestartAt(former => former - (ulong)random.Between(1, 5_000_000)),
            FaultKind.RestartWithSameIncarnation => RestartAt(former => former),
            FaultKind.Leave => Leave(cutOff: false),
            FaultKind.LeaveDuringPartition => Leave(cutOff: true),
            FaultKind.WallClockStep => WallClockStep(),
            FaultKind.DuplicateNodeName => DuplicateNodeName(),
            FaultKind.MismatchedPoolSize => MismatchedPoolSize(),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
        if (begun)
        {
            _counts[(int)kind]++;
            cluster.Trace?.Invoke($"-- {kind} --");
        }

        return begun;
    }

    private TimeSpan Period(int minSeconds, int maxSeconds) =>
        random.Between(TimeSpan.FromSeconds(minSeconds), TimeSpan.FromSeconds(maxSeconds));

    private void EndAfter(TimeSpan after, Action end)
    {
        Active++;
        cluster.Time.After(after, () =>
        {
            Active--;
            end();
        });
    }

    private List<string> Names() => [.. cluster.Nodes.Select(node => node.Name).Distinct()];

    private List<(string From, string To)> All() =>
        [.. Names().SelectMany(from => Names().Where(to => to != from).Select(to => (from, to)))];

    private bool LinksOf(Func<LinkConditions, LinkConditions> change, TimeSpan duration)
    {
        var name = random.Pick(Names());
        return Links([.. All().Where(link => link.From == name || link.To == name)], change, duration);
    }

    private bool Links(
        List<(string From, string To)> links, Func<LinkConditions, LinkConditions> change, TimeSpan duration)
    {
        foreach (var (from, to) in links)
        {
            cluster.Network.SetLink(from, to, change(cluster.Network.Conditions(from, to)));
        }

        EndAfter(duration, () => links.ForEach(link => cluster.Network.SetLink(link.From, link.To, null)));
        return true;
    }

    private bool Partition(TimeSpan min, TimeSpan max)
    {
        var names = Names();
        if (names.Count < 2)
        {
            return false;
        }

        random.Shuffle(names);
        var size = random.Between(1, names.Count - 1);
        var (one, other) = (names.Take(size).ToList(), names.Skip(size).ToList());
        // Sometimes one node stays connected to both sides.
        var through = random.Chance(0.4) ? names[^1] : null;
        other.RemoveAll(name => name == through && other.Count > 1);
        cluster.Network.Split(one, other);
        EndAfter(random.Between(min, max), () => Restore(one, other));
        return true;
    }

    private void Restore(List<string> one, List<string> other)
    {
        foreach (var a in one)
        {
            other.ForEach(b => cluster.Network.Restore(a, b));
        }
    }

    private bool OneWay()
    {
        var names = Names();
        if (names.Count < 2)
        {
            return false;
        }

        random.Shuffle(names);
        cluster.Network.CutOneWay(names[0], names[1]);
        EndAfter(random.Between(Down * 0.5, Down * 3), () => cluster.Network.Restore(names[0], names[1]));
        return true;
    }
}
