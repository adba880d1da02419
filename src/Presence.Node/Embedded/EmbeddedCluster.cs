using System.Collections.Concurrent;

namespace Presence.Node;

/// <summary>The embedded engine: members of one process, joined by bounded queues.</summary>
/// <remarks>For applications on one server, for development and for tests, which may cut links and kill members.</remarks>
public sealed class EmbeddedCluster
{
    private readonly ConcurrentDictionary<string, EmbeddedLink> _members = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;
    private long _incarnation;

    /// <summary>A cluster without members.</summary>
    /// <param name="time">Gives incarnations; the system's clock by default.</param>
    /// <param name="inboxCapacity">Frames that may wait at one member; beyond it they are dropped and counted.</param>
    public EmbeddedCluster(TimeProvider? time = null, int inboxCapacity = 65_536)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(inboxCapacity, 1);
        _time = time ?? TimeProvider.System;
        InboxCapacity = inboxCapacity;
    }

    /// <summary>
    /// Whether a frame from one member to another arrives; all do by default. Set it to cut links, one way or both.
    /// </summary>
    public Func<string, string, bool> Reaches { get; set; } = static (_, _) => true;

    internal int InboxCapacity { get; }

    internal InMemoryElections Elections { get; } = new();

    // Enumerates without the locks and the copy of Values: every broadcast comes by here.
    internal IEnumerable<EmbeddedLink> Members => _members.Select(static m => m.Value);

    /// <summary>The link of a new member, to be started by its node.</summary>
    public IClusterLink CreateLink(string nodeName)
    {
        ArgumentException.ThrowIfNullOrEmpty(nodeName);
        return new EmbeddedLink(this, nodeName, NextIncarnation());
    }

    /// <summary>Ends a member as a crash does: from now on nothing leaves it and nothing reaches it, and nobody is told. Unique processes that it
    /// runs are stopped, because they could go on in this process, and run elsewhere.</summary>
    public void Kill(string nodeName)
    {
        if (_members.TryRemove(nodeName, out var link))
        {
            link.Silence();
        }
    }

    internal void Add(EmbeddedLink link)
    {
        if (!_members.TryAdd(link.NodeName, link))
        {
            throw new InvalidOperationException($"There is a member named '{link.NodeName}' in this process already.");
        }
    }

    internal bool Remove(EmbeddedLink link) => _members.TryRemove(new(link.NodeName, link));

    internal EmbeddedLink? Find(string from, string to) =>
        _members.TryGetValue(to, out var link) && Reaches(from, to) ? link : null;

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
