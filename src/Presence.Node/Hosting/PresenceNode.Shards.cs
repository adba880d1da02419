using System.Security.Cryptography;
using Presence.Crdt;
using Presence.Node.CountsOnly;
using Presence.Node.Evictions;
using Presence.Node.KeyWatching;
using Presence.Node.Shards;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Hosting;

/// <content>The shards of the node, and which of them a frame is for.</content>
internal sealed partial class PresenceNode
{
    private PresenceTracker CreateTracker(string name, TrackerOptions options)
    {
        var hosts = CreateReplicated(name, options, _options.Limits, options.PoolSize);
        var countsOnly = options.HasCountsOnly ? CreateCountsOnly(name, options) : null;
        return new PresenceTracker(
            name, Name, hosts, _replicated[name], countsOnly, _pages,
            new PresenceEvictions(_transport, _time), _messages,
            new KeyWatches(name, hosts, options, _options.Limits, _time, _instruments, _log), _options, _time,
            _instruments, _log);
    }

    private CountsOnlyTopics CreateCountsOnly(string name, TrackerOptions options)
    {
        var local = CreateHosts(
            CountsOnlyTopics.NameOf(name), options, _options.Limits, options.PoolSize, isLocalOnly: true,
            isInternal: false);
        var summaries = CreateReplicated(
            CountsOnlyTopics.ChannelOf(name), options, CountsOnlyTopics.LimitsOf(_options.Limits), count: 1,
            isInternal: true);
        var reader = new SummaryReader(_instruments, _rateLimitedLog, _log);
        var topics = new CountsOnlyTopics(name, Name, local, summaries[0], reader);
        _publishers.Add(new SummaryPublisher(
            topics, topic => options.CountsOnlyOf(topic)!.Every, OpenSession("counts"), Name, _time, _instruments));
        return topics;
    }

    private ShardHost[] CreateReplicated(
        string channel, TrackerOptions options, PresenceLimits limits, int count, bool isInternal = false)
    {
        var hosts = CreateHosts(channel, options, limits, count, isLocalOnly: false, isInternal);
        _replicated.Add(channel, new ReplicatedShards(hosts, limits, isInternal ? null : CreateReaders));
        return hosts;

        ShardHost[] CreateReaders(int poolSize)
        {
            var machines = TrackerShard.CreateReaders(
                Self, poolSize, [.. hosts.Select(h => h.Shard)], limits, NewSeed);
            return
            [
                .. machines.Select(machine => CreateHost(
                    channel, machine, options, isInternal,
                    [.. hosts.Where(h => machine.Homes.Contains(h.Shard))])),
            ];
        }
    }

    private ShardHost[] CreateHosts(
        string channel, TrackerOptions options, PresenceLimits limits, int count, bool isLocalOnly, bool isInternal)
    {
        var hosts = new ShardHost[count];
        for (var shard = 0; shard < hosts.Length; shard++)
        {
            var machine = new TrackerShard(Self, shard, options, limits, NewSeed()) { IsLocalOnly = isLocalOnly };
            hosts[shard] = CreateHost(channel, machine, options, isInternal, []);
        }

        return hosts;
    }

    private ShardHost CreateHost(
        string channel, TrackerShard machine, TrackerOptions options, bool isInternal, ShardHost[] homes)
    {
        var output = new EffectExecutor(
            channel, machine.Shard, options, _transport, _options, _time, _instruments, _rateLimitedLog, _log,
            OnConflict, () => _sessions, () => _replicated[channel])
        {
            IsInternal = isInternal,
        };
        return new ShardHost(machine, output, _time, _epoch, _instruments, _options.MailboxCapacity, homes);
    }

    private ReplicaId Self => new(Name, _transport.Incarnation);

    private static ulong NewSeed() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));

    public void OnFrame(string from, ClusterFrame frame)
    {
        if (frame.Channel == PresenceOptions.PubSubChannel)
        {
            _pubSub.Received(from, frame.Body);
        }
        else if (Decode(from, frame) is var (host, decoded)
            && !host.Post(decoded, frame.TraceParent))
        {
            Drop(from, frame, "mailbox_full", null);
        }
    }

    /// <summary>Returns a frame and the shard that it is for; null if it is dropped.</summary>
    private (ShardHost Host, ShardFrame Frame)? Decode(string from, ClusterFrame frame)
    {
        if (frame.Channel is null || !_replicated.TryGetValue(frame.Channel, out var shards))
        {
            Drop(from, frame, "unknown_address", null);
            return null;
        }

        try
        {
            var bytes = frame.Body.Span;
            var host = shards.Find(ShardFrameCodec.PoolSizeOf(bytes), frame.Shard);
            var decoded = ShardFrameCodec.Decode(bytes, host is null ? default : host.Shard.Names, shards.Limits);
            if (!string.Equals(decoded.From.Replica.Node, from, StringComparison.Ordinal))
            {
                Drop(from, frame, "forged_sender", "The frame names another node as its sender.");
                return null;
            }

            if ((host ?? shards.FindOrCreate(decoded, frame.Shard)) is not { } found)
            {
                Drop(from, frame, "unknown_address", $"It is about pool size {decoded.From.PoolSize}.");
                return null;
            }

            _instruments.Received(EffectExecutor.TypeOf(decoded), frame.Body.Length);
            return (found, decoded);
        }
        catch (ShardFrameException e)
        {
            Drop(from, frame, "undecodable", e.Message);
            return null;
        }
    }
}
