namespace Presence.Node;

/// <summary>Carries frames between nodes.</summary>
/// <remarks>
/// <para>Frames are unacknowledged. They may be lost, repeated or reordered, but never altered. When frames are sent
/// faster than the transport can carry them, it drops and counts frames; it never blocks. Anti-entropy repairs
/// losses.</para>
/// <para>Order of calls: <see cref="StartAsync"/> once, then the others from any thread, then <see cref="StopAsync"/>
/// once. The receiver is called from any thread, possibly at the same time for different frames.</para>
/// </remarks>
public interface IClusterTransport
{
    /// <summary>Gets the name of this node.</summary>
    string NodeName { get; }

    /// <summary>
    /// Gets the number of this start of the node, larger than that of any earlier start under the same name (an Orleans
    /// silo's generation, or the wall clock in microseconds).
    /// </summary>
    ulong Incarnation { get; }

    /// <summary>Gets the name of the transport, such as <c>in-memory</c> or <c>orleans</c>.</summary>
    string Name { get; }

    /// <summary>Gets whether the transport is connected, for health, dashboard and metrics. Default: always.</summary>
    ClusterTransportStatus Status => ClusterTransportStatus.AlwaysConnected;

    /// <summary>
    /// Gets the names of the other nodes that do not know resumable sessions, because they run an earlier version.
    /// While there are any, sessions get no grace, and entries of sessions are sent to them as ordinary ones, so that a
    /// rolling upgrade hides nobody. Default: none.
    /// </summary>
    IReadOnlyCollection<string> NodesWithoutSessions => [];

    /// <summary>
    /// Returns another node's version of this library; null if it is unknown. For operators: what nodes may send to
    /// each other follows from what they say they know, not from this. Default: unknown.
    /// </summary>
    string? VersionOf(string node) => null;

    /// <summary>Starts to receive. Reports the nodes that exist already before it completes.</summary>
    Task StartAsync(IClusterTransportReceiver receiver, CancellationToken cancellation);

    /// <summary>Sends a frame to one node. Returns at once.</summary>
    void Send(string node, ClusterFrame frame);

    /// <summary>Sends a frame to all other nodes. Returns at once.</summary>
    void Broadcast(ClusterFrame frame);

    /// <summary>Sends a probe or leave frame by the most reliable path and waits for the response.</summary>
    /// <returns>The result of <see cref="IClusterTransportReceiver.OnRequestAsync"/>; false on timeout.</returns>
    ValueTask<bool> RequestAsync(string node, ClusterFrame frame, CancellationToken cancellation);

    /// <summary>
    /// Handles the news that a node has left: this incarnation serves nobody any more, even if membership learns of its
    /// end later. Returns at once. Default: does nothing.
    /// </summary>
    void OnNodeLeft(string node, ulong incarnation)
    {
    }

    /// <summary>Stops receiving and releases all resources.</summary>
    Task StopAsync(CancellationToken cancellation);
}

/// <summary>Receives frames and membership events from an <see cref="IClusterTransport"/>.</summary>
public interface IClusterTransportReceiver
{
    /// <summary>Handles a frame. Returns quickly and never throws; drops and counts a frame it cannot handle.</summary>
    void OnFrame(string from, ClusterFrame frame);

    /// <summary>
    /// Handles a request. Completes when the frame has been applied: with true for a leave frame; for a probe, with
    /// whether this is the incarnation it names (a restarted node must not answer for its predecessor).
    /// </summary>
    ValueTask<bool> OnRequestAsync(string from, ClusterFrame frame);

    /// <summary>
    /// Handles the hint that a node of this name exists. Sent again when it becomes reachable again, so that both nodes
    /// request what they miss at once.
    /// </summary>
    void OnNodeJoined(string node);

    /// <summary>Handles the final removal of this incarnation of a node and of every earlier one.</summary>
    void OnNodeRemoved(string node, ulong incarnation);
}

/// <summary>A frame with its address within a node.</summary>
/// <param name="Channel">The name of a tracker, or <c>pubsub</c>.</param>
/// <param name="Shard">Shard of the tracker; 0 for pub/sub.</param>
/// <param name="Body">The encoded, versioned frame; opaque to the transport and never modified.</param>
public readonly record struct ClusterFrame(string Channel, int Shard, ReadOnlyMemory<byte> Body)
{
    /// <summary>
    /// Gets the W3C trace context (<c>traceparent</c>) of the span that sent the frame; null if it is not traced. A
    /// transport that does not carry it separates the traces of its nodes, and changes nothing else.
    /// </summary>
    public string? TraceParent { get; init; }
}
