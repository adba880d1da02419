using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.TestKit.Seam;

/// <summary>
/// The layer between a simulated node and its shard. The base class changes nothing; a deliberate defect does, and the
/// simulation must detect it.
/// </summary>
internal class ShardSeam
{
    /// <summary>Gets or sets the node.</summary>
    public SimulatedNode Node { get; internal set; } = null!;

    /// <summary>Handles an outgoing frame before it is encoded. Null drops it.</summary>
    public virtual OutgoingFrame? Sending(OutgoingFrame frame) => frame;

    /// <summary>Handles an incoming frame after it was decoded. Null drops it.</summary>
    public virtual ShardFrame? Receiving(ShardFrame frame) => frame;

    /// <summary>Handles the effects of a step before they are executed.</summary>
    public virtual void Stepped(ShardEffects effects)
    {
    }

    /// <summary>Returns the outcome of a probe that is reported to the shard.</summary>
    public virtual bool Probed(bool answered) => answered;

    /// <summary>Gets whether the shard is notified of ended nodes.</summary>
    public virtual bool UsesMembership => true;

    /// <summary>Returns the incarnation of the starting node.</summary>
    public virtual ulong Starting(ulong incarnation) => incarnation;

    /// <summary>Handles a created shard before it is started.</summary>
    public virtual void Created(TrackerShard shard)
    {
    }
}
