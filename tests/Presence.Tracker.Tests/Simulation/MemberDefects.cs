namespace Presence.Tracker.Tests.Simulation;

/// <summary>Defects in telling members apart and in telling the living from the dead.</summary>
internal static class MemberDefects
{
    /// <summary>What an incarnation that is over still had on the way is taken for the word of the present one.</summary>
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

    /// <summary>A replica that only a third one still speaks of is taken for heard.</summary>
    internal sealed class DeadRelearnedFromAPeer : ShardSeam
    {
        private readonly Queue<ShardFrame> _relearned = new();

        public override ShardFrame? Receiving(ShardFrame frame)
        {
            if (frame is HeartbeatFrame heartbeat)
            {
                foreach (var clock in heartbeat.Clocks)
                {
                    if (clock.Replica.Node != Member.Name && Member.Peers.All(peer => peer.Replica.Node != clock.Replica.Node))
                    {
                        _relearned.Enqueue(heartbeat with
                        {
                            From = heartbeat.From with { Replica = clock.Replica },
                            Clocks = [clock],
                        });
                    }
                }
            }

            // Every other frame makes room for one that was never sent.
            return frame is DeltaFrame or HeartbeatFrame && _relearned.TryDequeue(out var relearned) ? relearned : frame;
        }
    }

    /// <summary>A member does not look whether others knew it before.</summary>
    internal sealed class IncarnationReused : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame switch
        {
            ObituaryFrame => null,
            HeartbeatFrame heartbeat => heartbeat with
            {
                Clocks = [.. heartbeat.Clocks.Where(clock => clock.Replica.Node != Member.Name)],
            },
            RequestFrame request => request with
            {
                Seen = [.. request.Seen.Where(seen => seen.Replica.Node != Member.Name || seen.Replica == Member.Self)],
            },
            _ => frame,
        };
    }

    internal sealed class NamesakeIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame is ObituaryFrame || frame.From.Replica.Node == Member.Name ? null : frame;
    }

    internal sealed class PoolSizeIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) =>
            frame with { From = frame.From with { PoolSize = Member.PoolSize } };
    }

    internal sealed class ProbeIgnored : ShardSeam
    {
        public override bool Probed(bool answered) => false;
    }

    internal sealed class FarewellIgnored : ShardSeam
    {
        public override ShardFrame? Receiving(ShardFrame frame) => frame is FarewellFrame ? null : frame;
    }

    internal sealed class WordOfMembershipIgnored : ShardSeam
    {
        public override bool MindsMembership => false;
    }
}
