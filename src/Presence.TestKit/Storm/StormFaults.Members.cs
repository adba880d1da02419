namespace Presence.TestKit;

internal sealed partial class StormFaults
{
    private static readonly TimeSpan[] Outages =
    [
        TimeSpan.FromMilliseconds(5),
        TimeSpan.FromMilliseconds(300),
        TimeSpan.FromMilliseconds(900),
        TimeSpan.FromMilliseconds(2500),
        TimeSpan.FromMilliseconds(5500),
    ];

    /// <summary>Starts a member with a name that was never used.</summary>
    public SimulatedMember StartNew() => cluster.Start($"m{_names++}");

    private bool CanLose => cluster.Members.Count(Ordinary) > FewestRunning;

    private bool Ordinary(SimulatedMember member) =>
        member.State == MemberState.Running && !member.HasTwin && member.PoolSize == Tracker.PoolSize;

    private SimulatedMember? Victim() =>
        CanLose ? random.Pick(cluster.Members.Where(Ordinary).ToList()) : null;

    private bool Pause(TimeSpan least, TimeSpan most)
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Pause();
        Ending(random.Between(least, most), () => Wake(victim));
        return true;
    }

    private static void Wake(SimulatedMember member)
    {
        if (member.State == MemberState.Paused)
        {
            member.Resume();
        }
    }

    private bool CrashAndRestart()
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        Ending(random.Pick(Outages), () => Restart(victim.Name));
        return true;
    }

    /// <summary>A later start of the name gets a higher incarnation, whatever the machine's clock did before.</summary>
    private void Restart(string name)
    {
        if (cluster.Members.Any(member => member.Name == name))
        {
            return;
        }

        var highest = cluster.AllStarts.Where(one => one.Name == name).Max(one => one.Self.Incarnation);
        cluster.Start(name, Math.Max(cluster.WallClock(name), highest + 1), Tracker.PoolSize);
    }

    private bool CrashAndReplacement()
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        Ending(random.Pick(Outages), () => StartNew());
        return true;
    }

    private bool RestartAt(Func<ulong, ulong> incarnation)
    {
        if (Victim() is not { } victim)
        {
            return false;
        }

        victim.Crash();
        Ending(random.Pick(Outages), () =>
        {
            if (cluster.Members.All(member => member.Name != victim.Name))
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
            Ending(random.Between(Down * 0.5, Down * 2), () => cluster.Network.Mend(victim.Name, other));
        }

        victim.Leave();
        Ending(TimeSpan.FromSeconds(1.2) + random.Pick(Outages), () =>
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

    private bool Twin()
    {
        if (Victim() is not { } old)
        {
            return false;
        }

        old.Pause();
        Ending(random.Between(Down * 0.2, Down * 2), () =>
        {
            var highest = cluster.AllStarts.Where(one => one.Name == old.Name).Max(one => one.Self.Incarnation);
            cluster.Start(old.Name, Math.Max(cluster.WallClock(old.Name), highest + 1), Tracker.PoolSize);
            Ending(random.Between(TimeSpan.FromMilliseconds(50), Down * 2), () => Wake(old));
        });
        return true;
    }

    private bool Stranger()
    {
        if (cluster.Members.Count > MostLiving)
        {
            return false;
        }

        var stranger = cluster.Start($"s{_names++}", cluster.WallClock("s"), Tracker.PoolSize * 2);
        Ending(Period(2, 5), () =>
        {
            if (stranger.Lives)
            {
                stranger.Crash();
            }
        });
        return true;
    }
}
