using Presence.TestKit.Time;

namespace Presence.TestKit.Network;

/// <summary>A pair of nodes that are connected in both directions without interruption.</summary>
internal sealed class ConnectedPair(SimulatedNode first, SimulatedNode second, TimeSpan since)
{
    public SimulatedNode First { get; } = first;

    public SimulatedNode Second { get; } = second;

    public TimeSpan Since { get; } = since;

    /// <summary>Gets or sets since when neither direction loses frames; null while one does.</summary>
    public TimeSpan? LossFreeSince { get; set; }

    /// <summary>Gets the checked position in the changes of each node.</summary>
    public int FirstChecked { get; set; }

    public int SecondChecked { get; set; }
}

/// <summary>Tracks connected pairs: running, link open both ways with bounded loss and delay.</summary>
internal sealed class Connectivity(SimulatedNetwork network, VirtualTime time)
{
    /// <summary>Maximum loss of a connected link.</summary>
    public const double MaxLoss = 0.10;

    /// <summary>Maximum delay of a connected link.</summary>
    public static readonly TimeSpan MaxDelay = TimeSpan.FromMilliseconds(150);

    private Dictionary<(SimulatedNode, SimulatedNode), ConnectedPair> _pairs = [];

    public IEnumerable<ConnectedPair> Pairs => _pairs.Values;

    public ConnectedPair? Between(SimulatedNode one, SimulatedNode other) =>
        _pairs.GetValueOrDefault(Order(one, other));

    /// <summary>Updates the pairs. Call after every change that may connect or disconnect nodes.</summary>
    public void Refresh(IReadOnlyList<SimulatedNode> living)
    {
        var pairs = new Dictionary<(SimulatedNode, SimulatedNode), ConnectedPair>(living.Count * living.Count);
        for (var i = 0; i < living.Count; i++)
        {
            for (var j = i + 1; j < living.Count; j++)
            {
                var key = Order(living[i], living[j]);
                if (!CanReach(key.First, key.Second))
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

    /// <summary>Resets the positions of a node after a change of incarnation.</summary>
    public void Forget(SimulatedNode node)
    {
        foreach (var key in _pairs.Keys.Where(key => key.Item1 == node || key.Item2 == node).ToList())
        {
            _pairs.Remove(key);
        }
    }

    private bool CanReach(SimulatedNode one, SimulatedNode other) =>
        one.State == SimulatedNodeState.Running && other.State == SimulatedNodeState.Running
        && !one.HasDuplicate && !other.HasDuplicate
        && CanDeliver(one.Name, other.Name) && CanDeliver(other.Name, one.Name);

    private bool CanDeliver(string from, string to)
    {
        var transport = network.Conditions(from, to);
        return network.IsOpen(from, to) && transport.Loss <= MaxLoss && transport.MaxDelay <= MaxDelay;
    }

    private bool LossFree(string one, string other) =>
        network.Conditions(one, other).Loss == 0 && network.Conditions(other, one).Loss == 0;

    private static (SimulatedNode First, SimulatedNode Second) Order(SimulatedNode one, SimulatedNode other) =>
        one.Id < other.Id ? (one, other) : (other, one);
}
