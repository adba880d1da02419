namespace Presence.TestKit.Chaos;

internal sealed partial class ChaosFaults
{
    private static readonly TimeSpan[] Outages =
    [
        TimeSpan.FromMilliseconds(5),
        TimeSpan.FromMilliseconds(300),
        TimeSpan.FromMilliseconds(900),
        TimeSpan.FromMilliseconds(2500),
        TimeSpan.FromMilliseconds(5500),
    ];

    /// <summary>Starts a node with an unused name.</summary>
    public SimulatedNode StartNew() => cluster.Start($"m{_names++}");

    private bool CanStopOne => cluster.Nodes.Count(IsOrdinary) > MinRunning;

    private bool IsOrdinary(SimulatedNode node) =>
        node.State == SimulatedNodeState.Running && !node.HasDuplicate && node.PoolSize == Tracker.PoolSize;

    private SimulatedNode? Victim() =>
        CanStopOne ? random.Pick(cluster.Nodes.Where(IsOrdinary).ToList()) : null;

    private bool Pause(TimeSpan min, TimeSpan max)
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Pause();
        EndAfter(random.Between(min, max), () => Wake(victim));
        return true;
    }

    private static void Wake(SimulatedNode node)
    {
        if (node.State == SimulatedNodeState.Paused)
        {
            node.Resume();
        }
    }

    private bool CrashAndRestart()
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        EndAfter(random.Pick(Outages), () => Restart(victim.Name));
        return true;
    }

    /// <summary>Restarts a node under a higher incarnation, even if its wall clock went back.</summary>
    private void Restart(string name) => Restart(name, Tracker.PoolSize);

    private void Restart(string name, int poolSize)
    {
        if (cluster.Nodes.Any(node => node.Name == name))
        {
            return;
        }

        var highest = cluster.AllStarts.Where(one => one.Name == name).Max(one => one.Self.Incarnation);
        cluster.Start(name, Math.Max(cluster.WallClock(name), highest + 1), poolSize);
    }

    private bool CrashAndReplacement()
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        EndAfter(random.Pick(Outages), () => StartNew());
        return true;
    }

    private bool RestartAt(Func<ulong, ulong> incarnation)
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        EndAfter(random.Pick(Outages), () =>
        {
            if (cluster.Nodes.All(node => node.Name != victim.Name))
            {
                cluster.Start(victim.Name, Math.Max(1, incarnation(victim.Self.Incarnation)), Tracker.PoolSize);
            }
        });
        return true;
    }

    private bool Leave(bool cutOff)
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        if (cutOff)
        {
            var other = random.Pick(Names().Where(name => name != victim.Name).ToList());
            cluster.Network.Cut(victim.Name, other);
            EndAfter(random.Between(Down * 0.5, Down * 2), () => cluster.Network.Restore(victim.Name, other));
        }

        victim.Leave();
        EndAfter(TimeSpan.FromSeconds(1.2) + random.Pick(Outages), () =>
        {
            if (random.Chance(0.7))
            {
                Restart(victim.Name);
            }
            else
            {
                StartNew();
            }
        });
        return true;
    }

    private bool WallClockStep()
    {
        var step = random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(20));
        cluster.StepWallClock(random.Pick(Names()), random.Chance(0.5) ? step : -step);
        return true;
    }

    private bool DuplicateNodeName()
    {
        if (Victim() is not { } old)
        {
            return false;
        }

        old.Pause();
        EndAfter(random.Between(Down * 0.2, Down * 2), () =>
        {
            var highest = cluster.AllStarts.Where(one => one.Name == old.Name).Max(one => one.Self.Incarnation);
            cluster.Start(old.Name, Math.Max(cluster.WallClock(old.Name), highest + 1), Tracker.PoolSize);
            EndAfter(random.Between(TimeSpan.FromMilliseconds(50), Down * 2), () => Wake(old));
        });
        return true;
    }

    private bool MismatchedPoolSize()
    {
        if (cluster.Nodes.Count > MaxLiving)
        {
            return false;
        }

        if (random.Chance(0.5) && Victim() is { } victim)
        {
            victim.Crash();
            EndAfter(random.Pick(Outages), () => Restart(victim.Name, Tracker.PoolSize * 2));
            return true;
        }

        var mismatched = cluster.Start($"s{_names++}", cluster.WallClock("s"), Tracker.PoolSize * 2);
        EndAfter(Period(2, 5), () =>
        {
            if (mismatched.IsAlive && random.Chance(0.7))
            {
                mismatched.Crash();
                EndAfter(random.Pick(Outages), () => Restart(mismatched.Name));
            }
        });
        return true;
    }
}
