using Presence.Tracker;

namespace Presence.TestKit;

/// <summary>
/// What stands between a simulated member and its shard. The base passes everything on; a deliberate defect alters
/// something, and the simulation must notice.
/// </summary>
internal class ShardSeam
{
    /// <summary>The member this seam belongs to.</summary>
    public SimulatedMember Member { get; internal set; } = null!;

    /// <summary>A frame on its way out, before it is encoded. Null drops it.</summary>
    public virtual OutgoingFrame? Sending(OutgoingFrame frame) => frame;

    /// <summary>A frame on its way in, after it was decoded. Null drops it.</summary>
    public virtual ShardFrame? Receiving(ShardFrame frame) => frame;

    /// <summary>The effects of a step, before anybody looks at them.</summary>
    public virtual void Stepped(ShardEffects effects)
    {
    }

    /// <summary>Whether a probe was answered, as the shard is told.</summary>
    public virtual bool Probed(bool answered) => answered;

    /// <summary>Whether the shard is told that a member is gone.</summary>
    public virtual bool MindsMembership => true;

    /// <summary>The incarnation under which the member starts.</summary>
    public virtual ulong Starting(ulong incarnation) => incarnation;

    /// <summary>The shard was made and is not yet started.</summary>
    public virtual void Created(TrackerShard shard)
    {
    }
}
