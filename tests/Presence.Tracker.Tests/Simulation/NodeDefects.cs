using Presence.TestKit.Seam;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>Defects in the identity of nodes and in failure detection.</summary>
internal static class NodeDefects
{
    /// <summary>Late frames of an ended incarnation are attributed to the current one.</summary>
    internal sealed class OldIncarnationAccepted : ShardSeam
    {
        private readonly Dictionary<string, Sender> _newest = new(StringComparer.Ordinal);

        public override ShardFrame? Receiving(ShardFrame frame)
        {
            var sender = frame.From;
            if (_newest.TryGetValue(sender.Replica.Node, out var newest) && newest.Replica > sender.Replica)
            {
                return frame is DeltaFrame ? frame with { From = newest } : frame;
            }

            _newest[sender.Replica.Node] = sender;
            return frame;
        }
    }

    /// <summary>A clock that a peer reports counts as contact with its replica.</summary>
    internal sealed class EndedAcceptedFromAPeer : ShardSeam
    {
        private readonly Queue<ShardFrame> _accepted = new();

        public override ShardFrame? Receiving(ShardFrame frame)
        {
            if (frame is HeartbeatFrame heartbeat)
            {
                foreach (var clock in heartbeat.Clocks)
                {
                    if (clock.Replica.Node != Node.Name
                        && Node.Peers.All(peer => peer.Replica.Node != clock.Replica.Node))
                    {
                        _accepted.Enqueue(heartbeat with
                        {
                            From = heartbeat.From with { Replica = clock.Replica },
                            Clocks = [clock],
                        });
                    }
                }
            }

            // A frame that was never sent replaces this one.
            return frame is DeltaFrame or HeartbeatFrame && _accepted.TryDequeue(out var accepted)
                ? accepted
                : frame;
        }
    }

    /// <summary>A node does not check whether others knew it before.</summary>
    internal sealed class IncarnationReused : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame switch
        {
            StaleIncarnationFrame => null,
            HeartbeatFrame heartbeat => heartbeat with
            {
                Clocks = [.. heartbeat.Clocks.Where(clock => clock.Replica.Node != Node.Name)],
            },
            RequestFrame request => request with
            {
                Seen = [.. request.Seen.Where(seen => seen.Replica.Node != Node.Name || seen.Replica == Node.Self)],
            },
            _ => frame,
        };
    }

    internal sealed class NameConflictIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is StaleIncarnationFrame || frame.From.Replica.Node == Node.Name ? null : frame;
    }

    internal sealed class OtherPoolSizesIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame.From.PoolSize == Node.PoolSize ? frame : null;
    }

    internal sealed class ProbeIgnored : ShardSeam
    {
        public override bool Probed(bool answered) => false;
    }

    internal sealed class LeaveIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is LeaveFrame ? null : frame;
    }

    internal sealed class MembershipIgnored : ShardSeam
    {
        public override bool UsesMembership => false;
    }
}
