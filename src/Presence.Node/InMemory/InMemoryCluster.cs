using System.Collections.Concurrent;
using Presence.Node.InMemory;
using Presence.Node.Unique.InMemory;

namespace Presence.Node;

/// <summary>The in-memory cluster transport: nodes of one process, connected by bounded queues.</summary>
/// <remarks>For single-server applications, development, and tests, which can cut and crash nodes.</remarks>
public sealed class InMemoryCluster
{
    private readonly ConcurrentDictionary<string, InMemoryTransport> _nodes = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private long _incarnation;

    /// <summary>Creates a cluster without nodes.</summary>
    /// <param name="time">The clock that incarnations come from. Default: the system's.</param>
    /// <param name="inboxCapacity">Frames that may wait at one node; further ones are dropped and counted.</param>
    public InMemoryCluster(TimeProvider? time = null, int inboxCapacity = 65_536)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inboxCapacity, 1);
        _time = time ?? TimeProvider.System;
        InboxCapacity = inboxCapacity;
    }

    /// <summary>Gets or sets whether frames from one node reach another. Default: always.</summary>
    public Func<string, string, bool> Reaches { get; set; } = static (_, _) => true;

    internal int InboxCapacity { get; }

    internal InMemoryElections Elections { get; } = new();

    // Enumerates without the locks and the copy of Values, because every broadcast does so.
    internal IEnumerable<InMemoryTransport> Nodes => _nodes.Select(static m => m.Value);

    /// <summary>Creates the transport of a new node, which the node starts.</summary>
    public IClusterTransport CreateTransport(string nodeName)
    {
        ArgumentException.ThrowIfNullOrEmpty(nodeName);
        return new InMemoryTransport(this, nodeName, NextIncarnation());
    }

    /// <summary>
    /// Simulates the crash of a node: it sends and receives nothing any more, and the other nodes are not notified. Its
    /// unique processes are stopped, because they would otherwise continue in this process, and start elsewhere.
    /// </summary>
    public void Kill(string nodeName)
    {
        if (_nodes.TryRemove(nodeName, out var transport))
        {
            transport.Silence();
        }
    }

    internal void Add(InMemoryTransport transport)
    {
        if (!_nodes.TryAdd(transport.NodeName, transport))
        {
            throw new InvalidOperationException($"A node named '{transport.NodeName}' exists in this process already.");
        }
    }

    internal bool Remove(InMemoryTransport transport) => _nodes.TryRemove(new(transport.NodeName, transport));

    internal InMemoryTransport? Find(string from, string to) =>
        _nodes.TryGetValue(to, out var transport) && Reaches(from, to) ? transport : null;

    private ulong NextIncarnation()
    {
        var now = _time.GetUtcNow().UtcTicks / TimeSpan.TicksPerMicrosecond;
        long last, next;
        do
        {
            last = Interlocked.Read(ref _incarnation);
            next = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref _incarnation, next, last) != last);
        return (ulong)next;
    }
}
