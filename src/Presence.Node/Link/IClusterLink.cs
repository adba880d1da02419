namespace Presence.Node;

/// <summary>How members reach each other: the only seam between presence and an engine.</summary>
/// <remarks>
/// <para>Frames are unacknowledged. They may be lost, repeated or reordered, and must never be altered; whoever sends more
/// than the engine can carry loses frames (counted), never blocks. The CRDT repairs what was lost.</para>
/// <para>Order of calls: <see cref="StartAsync"/> once, then the others from any thread, then <see cref="StopAsync"/>
/// once. The receiver is called from any thread, possibly at the same time for different frames.</para>
/// </remarks>
public interface IClusterLink
{
    /// <summary>Name of this member.</summary>
    string NodeName { get; }

    /// <summary>
    /// Number of this start of the member, larger than that of any earlier start under the same name (an Orleans silo's
    /// generation, a row version, or the wall clock in microseconds).
    /// </summary>
    ulong Incarnation { get; }

    /// <summary><c>embedded</c>, <c>orleans</c> or <c>postgres</c>.</summary>
    string Engine { get; }

    /// <summary>
    /// Whether this member reaches the engine, for health, dashboard and metrics. Connected for ever by default: for
    /// engines that depend on nothing outside.
    /// </summary>
    LinkStatus Status => LinkStatus.Always;

    /// <summary>Begins to receive. Members that are there already are reported before this completes.</summary>
    Task StartAsync(IClusterReceiver receiver, CancellationToken cancellation);

    /// <summary>Sends a frame to one member. Returns at once.</summary>
    void Send(string member, LinkFrame frame);

    /// <summary>Sends a frame to all other members. Returns at once.</summary>
    void Broadcast(LinkFrame frame);

    /// <summary>
    /// Asks a member directly, by the engine's surest way (a grain call, not a stream), and waits for its answer: used to
    /// probe and to say farewell. The body is a shard frame like any other.
    /// </summary>
    /// <returns>What the member's <see cref="IClusterReceiver.AskedAsync"/> answered; false if nothing came in time. Never throws.</returns>
    ValueTask<bool> AskAsync(string member, LinkFrame frame, CancellationToken cancellation);

    /// <summary>Stops receiving and lets go of the engine.</summary>
    Task StopAsync(CancellationToken cancellation);
}

/// <summary>The member's side of <see cref="IClusterLink"/>.</summary>
public interface IClusterReceiver
{
    /// <summary>A frame arrived. Must return quickly and never throw; a frame that cannot be taken is dropped and counted.</summary>
    void Received(string from, LinkFrame frame);

    /// <summary>
    /// A member asks and waits. Completes when the frame has been applied: true for a farewell; for a probe, whether this
    /// is the incarnation it was meant for (a restarted member must not vouch for its predecessor).
    /// </summary>
    ValueTask<bool> AskedAsync(string from, LinkFrame frame);

    /// <summary>
    /// A hint: there is a member of this name. Given anew when it is within reach again, so that what either lacks is
    /// asked for at once.
    /// </summary>
    void MemberJoined(string member);

    /// <summary>
    /// A hint that must be true: this incarnation of the member, and every earlier one, is gone for good.
    /// </summary>
    void MemberGone(string member, ulong incarnation);
}

/// <summary>A frame with the address within a member that it is meant for.</summary>
/// <param name="Channel">A tracker's name, or <c>pubsub</c>: what the body is for.</param>
/// <param name="Shard">Shard of the tracker; 0 for the rest.</param>
/// <param name="Body">Made by the sender's codec, versioned; opaque to the engine. Not written to by anybody.</param>
public readonly record struct LinkFrame(string Channel, int Shard, ReadOnlyMemory<byte> Body);
