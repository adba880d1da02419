using Presence.Crdt;
using Presence.Tracker.Sessions;
using Presence.Tracker.Shard;

namespace Presence.Node.Sessions;

/// <summary>What a <see cref="SessionTable"/> needs from its node: a clock, shards, and other nodes.</summary>
internal interface ISessionCluster
{
    ReplicaId Self { get; }

    /// <summary>Gets the monotonic time.</summary>
    TimeSpan Now { get; }

    IReadOnlyList<SessionShard> Shards { get; }

    /// <summary>Returns the nodes that may take over sessions, this one excluded.</summary>
    IReadOnlyList<string> Heirs();

    /// <summary>Gets whether all nodes of the cluster know sessions.</summary>
    bool KnowSessions { get; }

    SessionId NewId();

    ulong NewProcess();

    /// <summary>Gets how results of requests are completed: asynchronously, except in simulations.</summary>
    TaskCreationOptions Completion { get; }

    /// <summary>Sends a frame; returns whether the node has received it. Never throws.</summary>
    Task<bool> SendAsync(string node, SessionFrame frame);

    /// <summary>Calls an action once after a time, unless the result is disposed before.</summary>
    IDisposable After(TimeSpan delay, Action action);

    /// <summary>Calls code of the application, outside of all locks.</summary>
    void Notify(Action action);

    /// <summary>Handles an exception of something that nobody waits for.</summary>
    void Failed(Exception e);
}

/// <summary>One shard of one tracker of this node.</summary>
internal abstract class SessionShard
{
    public abstract string Tracker { get; }

    public abstract int Shard { get; }

    /// <summary>Returns whether the presences of a topic belong to this shard.</summary>
    public abstract bool Has(string tracker, string topic);

    /// <summary>Runs a command on the shard, in order, also if its mailbox is full.</summary>
    public abstract ValueTask<T> RunAsync<T>(Func<TrackerShard, TimeSpan, ShardEffects, T> command);

    /// <summary>Gets what is notified of the end of a session that has presences in this shard.</summary>
    public abstract ISessionLink Link { get; }
}
