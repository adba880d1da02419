using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Sends heartbeats: periodically to all, and to expected nodes until they answer.</summary>
/// <param name="table">The peers.</param>
/// <param name="scheduler">What they know.</param>
/// <param name="local">The local replica.</param>
/// <param name="options">The periods.</param>
/// <param name="from">Returns the header of a frame sent now.</param>
/// <param name="isReader">Whether this node only reads the lane; it then sends to known and expected nodes.</param>
internal sealed class Heartbeats(
    PeerTable table, RepairScheduler scheduler, LocalReplica local, TrackerOptions options, Func<Sender> from,
    bool isReader)
{
    private const int MaxExpected = 1024;

    private readonly HashSet<string> _expected = new(StringComparer.Ordinal);

    // The first tick always sends one.
    private int _silent = options.MaxSilentPeriods;

    /// <summary>Gets the nodes that have not answered yet.</summary>
    public IReadOnlyCollection<string> Expected => _expected;

    /// <summary>Adds a node named by membership; it gets a heartbeat per tick until its first frame arrives.</summary>
    public void AddExpected(string node, ShardEffects effects)
    {
        if (node != local.Id.Node && !table.TryGet(node, out _) && _expected.Count < MaxExpected && _expected.Add(node))
        {
            Send(node, effects);
        }
    }

    /// <summary>Broadcasts a heartbeat after the silent periods; sooner while a peer may lack local changes.</summary>
    public void SendDue(ShardEffects effects)
    {
        foreach (var node in _expected)
        {
            Send(node, effects);
        }

        _silent++;
        var announced = local.DeltaBuffer.Announced;
        var isKnown = table.All.All(
            p => p.State == PeerState.Down || scheduler.Confirms(p.Replica, local.Id, announced));
        if (_silent > options.MaxSilentPeriods || (!isKnown && _silent >= options.ClockSamplePeriods))
        {
            _silent = 0;
            Broadcast(effects);
        }
    }

    /// <summary>Sends a heartbeat to one node.</summary>
    public void Send(string node, ShardEffects effects) => effects.Frames.Add(new OutgoingFrame(node, Make()));

    /// <summary>Answers an earlier process of this name; only a living process can name its replica.</summary>
    public void Answer(Sender other, ShardEffects effects)
    {
        var heartbeat = Make();
        Clock found = new(other.Replica, other.Counter, other.Counter);
        effects.Frames.Add(new OutgoingFrame(local.Id.Node, heartbeat with { Clocks = [.. heartbeat.Clocks, found] }));
    }

    /// <summary>Sends a heartbeat to all nodes; that of a reader to those that write in the lane.</summary>
    public void Broadcast(ShardEffects effects)
    {
        if (!isReader)
        {
            effects.Frames.Add(new OutgoingFrame(null, Make()));
            return;
        }

        foreach (var peer in table.All)
        {
            Send(peer.Replica.Node, effects);
        }
    }

    /// <summary>Stops expecting a node: it answered or was removed.</summary>
    public void RemoveExpected(string node) => _expected.Remove(node);

    private HeartbeatFrame Make() => new(
        from(),
        [.. table.All
            .Where(p => p.State != PeerState.Down)
            .Select(p => new Clock(p.Replica, p.Dots.Context.Prefix, p.Dots.Context.Max))])
    {
        OwnPoolSize = isReader ? options.PoolSize : 0,
    };
}
