namespace Presence.Node;

/// <summary>One member of the cluster, inside this process.</summary>
public interface IPresenceNode
{
    /// <summary>Name of the member, unique in the cluster.</summary>
    string Name { get; }

    /// <summary>Which engine carries frames between members: <c>embedded</c>, <c>orleans</c> or <c>postgres</c>.</summary>
    string Engine { get; }

    /// <summary>Where this member is in its life.</summary>
    NodeState State { get; }

    /// <summary>Whether this member reaches the engine. Until it does again, it serves what it has and tracks its own.</summary>
    LinkStatus Link => LinkStatus.Always;

    /// <summary>The tracker that <c>AddPresence</c> sets up by default, named <c>presence</c>.</summary>
    IPresenceTracker Tracker { get; }

    /// <summary>Messages between members by topic.</summary>
    IClusterPubSub PubSub { get; }

    /// <summary>A tracker by name.</summary>
    /// <exception cref="ArgumentException">No tracker of that name was added; the message lists those that were.</exception>
    IPresenceTracker GetTracker(string name);

    /// <summary>Starts a process that can own presences; the caller ends it.</summary>
    /// <param name="label">For logs and the dashboard.</param>
    PresenceProcess StartProcess(string? label = null);

    /// <summary>The members this one knows of, itself included.</summary>
    IReadOnlyList<MemberStatus> Members();
}

/// <summary>The life of a member.</summary>
public enum NodeState
{
    /// <summary>Not yet started.</summary>
    Starting,

    /// <summary>Serves.</summary>
    Ready,

    /// <summary>Stops: not ready for new work; says farewell, then closes.</summary>
    Draining,

    /// <summary>Stopped in order.</summary>
    Stopped,

    /// <summary>Stopped with an error, such as another living member with its name.</summary>
    Failed,
}

/// <summary>A member as this one sees it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Status"><c>up</c>, <c>down</c> or <c>draining</c>.</param>
/// <param name="Self">Whether it is this member.</param>
/// <param name="Entries">Presences it owns, over all trackers.</param>
public sealed record MemberStatus(string Name, string Status, bool Self, int Entries);

/// <summary>A replica of one shard as this member sees it.</summary>
/// <param name="Node">The member.</param>
/// <param name="Incarnation">Its incarnation.</param>
/// <param name="Shard">The shard.</param>
/// <param name="Status"><c>up</c> or <c>down</c>.</param>
/// <param name="Clock">Sequence number up to which this member knows everything.</param>
/// <param name="Advertised">Highest sequence number the member is known to have reached.</param>
/// <param name="Entries">Live presences of it that this member holds.</param>
/// <param name="Lag">Age of the oldest change this member knows to be missing; zero if nothing is.</param>
/// <param name="SilentFor">Time since it was last heard.</param>
public sealed record ReplicaStatus(
    string Node,
    ulong Incarnation,
    int Shard,
    string Status,
    ulong Clock,
    ulong Advertised,
    int Entries,
    TimeSpan Lag,
    TimeSpan SilentFor);
