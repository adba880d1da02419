using System.Collections.Concurrent;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Shards;

/// <summary>
/// The shards of one channel between nodes: this node's own, and those that read the lanes of nodes with another pool
/// size, created when the first frame of such a node arrives.
/// </summary>
/// <param name="hosts">This node's own shards.</param>
/// <param name="limits">Maximum sizes of what is received.</param>
/// <param name="createReaders">
/// Creates the shards for another pool size; null if all nodes have the same number of shards in this channel.
/// </param>
internal sealed class ReplicatedShards(
    ShardHost[] hosts, PresenceLimits limits, Func<int, ShardHost[]>? createReaders)
{
    /// <summary>Maximum number of pool sizes besides this node's own.</summary>
    public const int MaxOtherPoolSizes = 7;

    private readonly ConcurrentDictionary<int, ShardHost[]> _readers = new();
    private readonly Lock _creating = new();
    private bool _isClosed;

    public PresenceLimits Limits => limits;

    public IEnumerable<ShardHost> All => hosts.Concat(Readers);

    public IEnumerable<ShardHost> Readers => _readers.Values.SelectMany(readers => readers);

    /// <summary>Returns the shard for frames about a lane; null if there is none, or none yet.</summary>
    public ShardHost? Find(int poolSize, int lane)
    {
        var shards = IsOwn(poolSize) ? hosts : _readers.GetValueOrDefault(poolSize, []);
        return (uint)lane < (uint)shards.Length ? shards[lane] : null;
    }

    /// <summary>
    /// Returns the shard that reads a lane of nodes with another pool size. Null if there is no such lane, if a frame
    /// does not show that a node writes there, or if there are too many pool sizes already.
    /// </summary>
    public ShardHost? FindOrCreate(ShardFrame frame, int lane) =>
        frame is DeltaFrame or HeartbeatFrame { OwnPoolSize: 0 } && CreateReaders(frame.From.PoolSize)
            ? Find(frame.From.PoolSize, lane)
            : null;

    /// <summary>Begins to read the lanes of a node.</summary>
    public void Expect(OtherPool other)
    {
        if (IsOwn(other.PoolSize) || !CreateReaders(other.PoolSize))
        {
            return;
        }

        var expect = new ActionCommand(
            (h, now, effects) => h.Shard.NodeJoined(now, other.Node, effects, isWriter: true));
        foreach (var reader in _readers.GetValueOrDefault(other.PoolSize, []))
        {
            reader.Post(expect, always: true);
        }
    }

    /// <summary>
    /// Handles that a process of a node is in contact in lanes of a pool size: earlier ones of its name have ended,
    /// also those that wrote in lanes of another pool size. In lanes that this node only reads, it is one that writes.
    /// </summary>
    public void Started(StartedProcess process, int poolSize)
    {
        if (_readers.IsEmpty)
        {
            return;
        }

        Expect(new OtherPool(process.Node, poolSize));
        var end = new ActionCommand((h, now, effects) => h.Shard.ProcessStarted(now, process, effects));
        foreach (var other in All.Where(host => host.Shard.PoolSize != poolSize))
        {
            other.Post(end, always: true);
        }
    }

    /// <summary>Ends the readers of a pool size that no node has any more.</summary>
    public void RemoveUnused(int poolSize)
    {
        if (!_readers.TryGetValue(poolSize, out var readers) || !readers.All(reader => reader.Shard.IsUnused)
            || !_readers.TryRemove(new(poolSize, readers)))
        {
            return;
        }

        foreach (var reader in readers)
        {
            reader.Post(new ActionCommand((h, _, _) => h.Shard.Detach()), always: true);
            reader.Dispose();
        }
    }

    /// <summary>Creates no readers from now on.</summary>
    public void Close()
    {
        lock (_creating)
        {
            _isClosed = true;
        }
    }

    private bool IsOwn(int poolSize) => createReaders is null || poolSize == hosts.Length;

    private bool CreateReaders(int poolSize)
    {
        if (_readers.ContainsKey(poolSize))
        {
            return true;
        }

        lock (_creating)
        {
            if (_isClosed || (_readers.Count >= MaxOtherPoolSizes && !_readers.ContainsKey(poolSize)))
            {
                return false;
            }

            if (!_readers.ContainsKey(poolSize))
            {
                var readers = createReaders!(poolSize);
                var start = new ActionCommand(static (h, now, effects) => h.Shard.Start(now, effects));
                Array.ForEach(readers, reader => reader.Post(start, always: true));
                _readers[poolSize] = readers;
            }

            return true;
        }
    }
}
