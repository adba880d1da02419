using System.Diagnostics.Metrics;
using System.Reflection;
using Presence.Tracker.Entries;
using Presence.Tracker.Sessions;

namespace Presence.Node;

/// <summary>The node that this process runs.</summary>
public interface IPresenceNode
{
    /// <summary>Gets the name of the node, unique in the cluster.</summary>
    string Name { get; }

    /// <summary>Gets the name of the cluster transport: <c>in-memory</c>, <c>orleans</c> or a custom one.</summary>
    string TransportName { get; }

    /// <summary>Gets the state of the node's life cycle.</summary>
    NodeState State { get; }

    /// <summary>
    /// Gets whether the transport is connected. Otherwise the node serves reads and local writes only.
    /// </summary>
    ClusterTransportStatus Transport => ClusterTransportStatus.AlwaysConnected;

    /// <summary>Gets the tracker that <c>AddPresence</c> adds by default, named <c>presence</c>.</summary>
    IPresenceTracker Tracker { get; }

    /// <summary>Gets the pub/sub between nodes.</summary>
    IClusterPubSub PubSub { get; }

    /// <summary>Returns a tracker by name.</summary>
    /// <exception cref="ArgumentException">There is no such tracker; the message lists those that exist.</exception>
    IPresenceTracker GetTracker(string name);

    /// <summary>Opens a session, which can own presences. The caller ends it.</summary>
    /// <param name="label">Shown in logs and in the dashboard.</param>
    PresenceSession OpenSession(string? label = null);

    /// <summary>Opens a session, which can be detached and resumed if the options have a grace.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The grace is negative or longer than 24 h.</exception>
    /// <exception cref="NotSupportedException">This implementation has no resumable sessions.</exception>
    PresenceSession OpenSession(PresenceSessionOptions options) =>
        options is { Grace: var grace } && grace == TimeSpan.Zero
        ? OpenSession(options.Label)
        : throw new NotSupportedException("This node has no resumable sessions.");

    /// <summary>
    /// Continues a session: here if this node has it, else from its owner or, if that is down, from what this node has
    /// received. Queries other nodes for at most half a second, and waits for an unknown session for at most a second.
    /// </summary>
    /// <param name="token">The last token that the client has received.</param>
    /// <param name="options">Options of the session from now on.</param>
    /// <param name="cancellation">
    /// Gives up. Cancel it when the client disconnects: it may resume elsewhere, and would be superseded by this call.
    /// </param>
    /// <returns>The session, or an ordinary new one and why. Track its presences again, then complete it.</returns>
    /// <exception cref="OperationCanceledException">Cancelled, or this node stops: resume elsewhere.</exception>
    ValueTask<ResumeResult> ResumeAsync(
        ResumeToken token, PresenceSessionOptions options, CancellationToken cancellation = default) =>
        ValueTask.FromResult(
            new ResumeResult(OpenSession(options), ResumeOutcome.New, ResumeFailure.Unknown, []));

    /// <summary>Returns the nodes that this node knows, itself included.</summary>
    IReadOnlyList<NodeStatus> Nodes();

    /// <summary>Returns the resumable sessions of this node.</summary>
    /// <param name="maxDetached">Maximum number of detached sessions to name.</param>
    internal SessionStatus Sessions(int maxDetached) => new(0, 0, 0, []);

    /// <summary>Returns whether this is the meter <c>Presence.Tracker</c> of this node.</summary>
    internal bool IsMeter(Meter meter) => false;
}

/// <summary>The life cycle of a node.</summary>
public enum NodeState
{
    /// <summary>Not yet started.</summary>
    Starting,

    /// <summary>Running and ready for work.</summary>
    Ready,

    /// <summary>Stopping: not ready for new work, sends leave frames, then closes.</summary>
    Draining,

    /// <summary>Stopped gracefully.</summary>
    Stopped,

    /// <summary>Stopped by an error, such as another live node with the same name.</summary>
    Failed,
}

/// <summary>A node as this node sees it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status"><c>up</c>, <c>down</c> or <c>draining</c>.</param>
/// <param name="Self">Whether it is this node.</param>
/// <param name="Entries">Number of presences it owns, over all trackers.</param>
/// <param name="Version">
/// Its version of this library; null if it is unknown: the node is down, or its version does not say it.
/// </param>
public sealed record NodeStatus(string Name, string Status, bool Self, int Entries, string? Version = null)
{
    /// <summary>The version of this library in this process.</summary>
    internal static string LibraryVersion { get; } = typeof(NodeStatus).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "unknown";
}

/// <summary>The resumable sessions of a node.</summary>
/// <param name="Attached">Number of those with a connection.</param>
/// <param name="Detached">Number of those without, whose grace runs.</param>
/// <param name="HeldLeaves">Presences shown here although their owner has disappeared.</param>
/// <param name="DetachedTags">Hashes of the ids of some detached sessions.</param>
internal sealed record SessionStatus(
    int Attached, int Detached, int HeldLeaves, IReadOnlyList<string> DetachedTags)
{
    /// <summary>Returns a hash of the id of the session that owns a presence; null if it is not resumable.</summary>
    public static string? TagOf(Tracker.PresenceEntry entry) =>
        entry.Stamp is { Session: var session } ? TagOf(session) : null;

    /// <summary>Returns a hash, because anybody who has the id could make a token of it.</summary>
    public static string TagOf(SessionId session) => $"{StableHash.Of(session.ToString()):x16}";
}

/// <summary>A replica of one shard as this node sees it.</summary>
/// <param name="Node">The node.</param>
/// <param name="Incarnation">Its incarnation.</param>
/// <param name="Shard">The number of the shard on that node.</param>
/// <param name="Status"><c>up</c> or <c>down</c>.</param>
/// <param name="Clock">Sequence number up to which this node has received every event.</param>
/// <param name="MaxKnownSequence">Highest sequence number that the node is known to have reached.</param>
/// <param name="Entries">Number of its live presences that this node holds.</param>
/// <param name="Lag">Age of the oldest change known to be missing here; zero if none is.</param>
/// <param name="SilentFor">Time since the last contact.</param>
public sealed record ReplicaStatus(
    string Node,
    ulong Incarnation,
    int Shard,
    string Status,
    ulong Clock,
    ulong MaxKnownSequence,
    int Entries,
    TimeSpan Lag,
    TimeSpan SilentFor);
