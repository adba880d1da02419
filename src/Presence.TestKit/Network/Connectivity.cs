namespace Presence.TestKit;

/// <summary>Since when two members have been able to talk to each other, both ways, without interruption.</summary>
internal sealed class ConnectedPair(SimulatedMember first, SimulatedMember second, TimeSpan since)
{
    public SimulatedMember First { get; } = first;

    public SimulatedMember Second { get; } = second;

    public TimeSpan Since { get; } = since;

    /// <summary>Since when neither direction loses frames; null while one does.</summary>
    public TimeSpan? LossFreeSince { get; set; }

    /// <summary>How far the changes of the first were found at the second, and the other way round.</summary>
    public int FirstChecked { get; set; }

    public int SecondChecked { get; set; }
}

/// <summary>Follows which members are connected: running, of one pool, link open both ways and at most lossy.</summary>
internal sealed class Connectivity(SimulatedNetwork network, VirtualTime time)
{
    /// <summary>Links that lose more than this are bound to nothing.</summary>
    public const double MostLoss = 0.10;

    /// <summary>Links slower than this are bound to nothing.</summary>
    public static readonly TimeSpan Slowest = TimeSpan.FromMilliseconds(150);

    private Dictionary<(SimulatedMember, SimulatedMember), ConnectedPair> _pairs = [];

    public IEnumerable<ConnectedPair> Pairs => _pairs.Values;

    public ConnectedPair? Between(SimulatedMember one, SimulatedMember other) =>
        _pairs.GetValueOrDefault(Order(one, other));

    /// <summary>To be called after anything that may connect or part members.</summary>
    public void Refresh(IReadOnlyList<SimulatedMember> living)
    {
        var pairs = new Dictionary<(SimulatedMember, SimulatedMember), ConnectedPair>(living.Count * living.Count);
        for (var i = 0; i < living.Count; i++)
        {
            for (var j = i + 1; j < living.Count; j++)
            {
                var key = Order(living[i], living[j]);
                if (!Reach(key.First, key.Second))
                {
                    continue;
                }

                var pair = _pairs.GetValueOrDefault(key) ?? new ConnectedPair(key.First, key.Second, time.Now);
                pair.LossFreeSince = LossFree(key.First.Name, key.Second.Name) ? pair.LossFreeSince ?? time.Now : null;
                pairs.Add(key, pair);
            }
        }

        _pairs = pairs;
    }

    /// <summary>A member goes on under another incarnation: what was found of it before counts no more.</summary>
    public void Forget(SimulatedMember member)
    {
        foreach (var key in _pairs.Keys.Where(key => key.Item1 == member || key.Item2 == member).ToList())
        {
            _pairs.Remove(key);
        }
    }

    private bool Reach(SimulatedMember one, SimulatedMember other) =>
        one.State == MemberState.Running && other.State == MemberState.Running
        && !one.HasTwin && !other.HasTwin
        && one.PoolSize == other.PoolSize
        && Carries(one.Name, other.Name) && Carries(other.Name, one.Name);

    private bool Carries(string from, string to)
    {
        var link = network.Conditions(from, to);
        return network.IsOpen(from, to) && link.Loss <= MostLoss && link.Slowest <= Slowest;
    }

    private bool LossFree(string one, string other) =>
        network.Conditions(one, other).Loss == 0 && network.Conditions(other, one).Loss == 0;

    private static (SimulatedMember First, SimulatedMember Second) Order(SimulatedMember one, SimulatedMember other) =>
        one.Id < other.Id ? (one, other) : (other, one);
}
