using Presence.TestKit.Time;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>Crashes, suspensions and cut links.</summary>
/// <param name="history">The cluster.</param>
/// <param name="random">Chooses.</param>
/// <param name="disconnect">Disconnects the clients of a node.</param>
internal sealed class SessionFaults(SessionHistory history, SimulationRandom random, Action<SessionNode> disconnect)
{
    /// <summary>Returns a node that may be ended: not the first, and not if fewer than two others run.</summary>
    public SessionNode? Victim()
    {
        var ready = history.Nodes.Where(n => n.IsReady).ToArray();
        return ready.Length > 2 && random.Pick(ready) is { Name: not "n0" } victim ? victim : null;
    }

    public void Crash(SessionNode node)
    {
        history.Trace($"{node.Name} crashes");
        ExcuseUnknown(node);
        disconnect(node);
        node.Crash();
    }

    /// <summary>Ends or suspends a node that has a session whose client does not know it.</summary>
    public void AfterLostReply(SessionNode node)
    {
        if (random.Chance(0.2) && Victim() is not null && node is { IsReady: true, Name: not "n0" })
        {
            if (random.Chance(0.5))
            {
                Crash(node);
            }
            else
            {
                Pause(node);
            }
        }
    }

    public void Pause(SessionNode node)
    {
        var duration = random.Between(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(6));
        history.Trace($"{node.Name} is suspended for {duration.TotalMilliseconds:F0} ms");
        ExcuseUnknown(node);
        disconnect(node);
        node.Pause(duration);
    }

    /// <summary>What nobody else has received yet is lost with a node.</summary>
    private void ExcuseUnknown(SessionNode node)
    {
        foreach (var entry in node.Entries(SessionHistory.Topics).Where(e => e.Owner == node.Self))
        {
            var isKnown = history.Others(node).Any(o =>
                o.Entries(SessionHistory.Topics).Any(e => e.Dot == entry.Dot));
            if (!isKnown && history.Clients.TryGetValue(entry.Key, out var client))
            {
                history.Trace($"{client.Key} is excused: only {node.Name} knows {entry}");
                client.IsExcused = true;
            }
        }
    }

    public void Partition()
    {
        var one = random.Below(4);
        var other = (one + random.Between(1, 3)) % 4;
        var (a, b) = ($"n{one}", $"n{other}");
        if (history.Network.IsOpen(a, b))
        {
            history.Trace($"{a} and {b} are cut apart");
            history.Network.Cut(a, b);
        }
        else
        {
            history.Trace($"{a} and {b} are connected");
            history.Network.Restore(a, b);
        }
    }
}
