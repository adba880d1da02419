using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>
/// One shard of a tracker on one member, as a pure machine: every input is a method, every consequence is an effect. It
/// has no clock, no randomness, no threads and no I/O; the host gives the time, runs one input at a time and carries out
/// the effects.
/// </summary>
/// <remarks>Only <see cref="Index"/> may be used from other threads.</remarks>
public sealed class TrackerShard
{
    /// <summary>A shard that knows nobody yet.</summary>
    /// <param name="self">This member; its incarnation is above that of every earlier start under its name.</param>
    /// <param name="shard">Number of the shard.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="limits">Checked here.</param>
    /// <param name="seed">Spreads the members' first ticks; any number.</param>
    public TrackerShard(ReplicaId self, int shard, TrackerOptions options, PresenceLimits limits, ulong seed) =>
        throw new NotSupportedException();

    /// <summary>This replica; its incarnation grows if somebody else turns out to have used it.</summary>
    public ReplicaId Self => throw new NotSupportedException();

    /// <summary>What readers see; safe on any thread.</summary>
    public PresenceIndex Index => throw new NotSupportedException();

    /// <summary>When <see cref="Tick"/> or <see cref="Flush"/> is next due, on the host's clock.</summary>
    public TimeSpan NextTick => throw new NotSupportedException();

    /// <summary>When gathered changes must leave, or null if there are none.</summary>
    public TimeSpan? NextFlush => throw new NotSupportedException();

    /// <summary>Begins: greets the members it will be told of. Call first.</summary>
    public void Start(TimeSpan now, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>See Phoenix.Tracker track. The entry is listed and the join is among the effects.</summary>
    /// <exception cref="AlreadyTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public PresenceEntry Track(
        TimeSpan now, ulong process, string topic, string key, PresenceMeta meta, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Replaces metadata by what the function makes of the present entry.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    public PresenceEntry Update(
        TimeSpan now, ulong process, string topic, string key, Func<PresenceEntry, PresenceMeta> update, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Tracks many, or none of them if one cannot be.</summary>
    /// <exception cref="AlreadyTrackedException">Nothing changed.</exception>
    /// <exception cref="PresenceLimitException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> TrackMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Updates many, or none of them if one is not there.</summary>
    /// <exception cref="NotTrackedException">Nothing changed.</exception>
    public IReadOnlyList<PresenceEntry> UpdateMany(
        TimeSpan now, ulong process, IReadOnlyList<TrackRequest> requests, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Ends one presence; false if it was not there.</summary>
    public bool Untrack(TimeSpan now, ulong process, string topic, string key, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Ends all presences of a process, because it untracked all or ended.</summary>
    /// <returns>How many.</returns>
    public int UntrackAll(TimeSpan now, ulong process, LeaveReason reason, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>The periodic step: broadcast, request repair, detect downs. Call when <see cref="NextTick"/> is due.</summary>
    public void Tick(TimeSpan now, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>Sends what was gathered. Call when <see cref="NextFlush"/> is due.</summary>
    public void Flush(TimeSpan now, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>Takes a frame from another member.</summary>
    public void Receive(TimeSpan now, ShardFrame frame, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>Another member probes: applies the frame as a sign of its life.</summary>
    /// <returns>Whether this is the incarnation that was meant.</returns>
    public bool Probed(TimeSpan now, ProbeFrame probe, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>The outcome of a probe from the effects.</summary>
    public void ProbeAnswered(TimeSpan now, ReplicaId target, bool answered, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>Membership says that there is a member of this name: greets it.</summary>
    public void MemberJoined(TimeSpan now, string member, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>Membership says that this incarnation of the member and all earlier ones are gone for good.</summary>
    public void MemberGone(TimeSpan now, string member, ulong incarnation, ShardEffects effects) =>
        throw new NotSupportedException();

    /// <summary>
    /// Stops in order: the effects hold a farewell for each member, which the host delivers and has acknowledged.
    /// Afterwards the shard takes no input.
    /// </summary>
    public void Leave(TimeSpan now, ShardEffects effects) => throw new NotSupportedException();

    /// <summary>The other replicas that are held, up or down.</summary>
    public IReadOnlyList<PeerStatus> Peers() => throw new NotSupportedException();
}
