namespace Presence.Tracker;

/// <summary>When this member shows that it lives, and to whom.</summary>
internal sealed class Heartbeats(
    PeerTable table, RepairDesk desk, OwnReplica own, TrackerOptions options, Func<Sender> from)
{
    private const int MostExpected = 1024;

    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);

    // The first tick always says something.
    private int _silent = options.MaxSilentPeriods;

    /// <summary>Membership named a member: it is greeted until it is heard.</summary>
    public void Expect(string member, ShardEffects effects)
    {
        if (member != own.Id.Node && !table.TryGet(member, out _) && _expected.Count < MostExpected && _expected.Add(member))
        {
            Send(member, effects);
        }
    }

    /// <summary>A heartbeat after the silent periods; sooner while somebody may not know all of ours.</summary>
    public void Beat(ShardEffects effects)
    {
        foreach (var member in _expected)
        {
            Send(member, effects);
        }

        _silent++;
        var isKnown = table.All.All(p => p.State == PeerState.Down || desk.Confirms(p.Replica, own.Id, own.Outbox.Announced));
        if (_silent > options.MaxSilentPeriods || (!isKnown && _silent >= options.ClockSamplePeriods))
        {
            _silent = 0;
            Broadcast(effects);
        }
    }

    /// <summary>A heartbeat to one member.</summary>
    public void Send(string member, ShardEffects effects) => effects.Frames.Add(new OutgoingFrame(member, Make()));

    /// <summary>A heartbeat to an earlier start under this name, in which it finds itself: no leftover of a dead one could know it.</summary>
    public void Answer(Sender namesake, ShardEffects effects)
    {
        var heartbeat = Make();
        Clock found = new(namesake.Replica, namesake.Counter, namesake.Counter);
        effects.Frames.Add(new OutgoingFrame(own.Id.Node, heartbeat with { Clocks = [.. heartbeat.Clocks, found] }));
    }

    /// <summary>A heartbeat to all.</summary>
    public void Broadcast(ShardEffects effects) => effects.Frames.Add(new OutgoingFrame(null, Make()));

    /// <summary>No more greetings: the member was heard, or is gone.</summary>
    public void Met(string member) => _expected.Remove(member);

    private HeartbeatFrame Make() => new(
        from(),
        [.. table.All
            .Where(p => p.State != PeerState.Down)
            .Select(p => new Clock(p.Replica, p.Dots.Context.Prefix, p.Dots.Context.Max))]);
}
