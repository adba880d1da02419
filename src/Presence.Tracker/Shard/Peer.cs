using Presence.Crdt;

namespace Presence.Tracker;

/// <summary>How a peer's entries stand at this member.</summary>
internal enum PeerState
{
    /// <summary>Not held.</summary>
    Unknown,

    /// <summary>Living, and its entries are listed.</summary>
    Up,

    /// <summary>Living again; its entries are listed once what it had reached by then is known.</summary>
    Healing,

    /// <summary>Silent for too long; its entries are kept but not listed.</summary>
    Down,
}

/// <summary>One replica of another member.</summary>
internal sealed class Peer(ReplicaId replica, ReplicaDots<PresenceEntry> dots, TimeSpan now)
{
    private int _underWay;
    private int _stale;

    public ReplicaId Replica => replica;

    public ReplicaDots<PresenceEntry> Dots => dots;

    /// <summary>The process that writes as this replica: see <see cref="Sender.Instance"/>.</summary>
    public ulong Instance { get; set; }

    public PeerState State { get; set; } = PeerState.Up;

    public TimeSpan LastHeard { get; private set; } = now;

    public TimeSpan? ProbedAt { get; private set; }

    /// <summary>Probes that were sent after the last sign of life and ended without an answer.</summary>
    public int Unanswered { get; private set; }

    /// <summary>Highest sequence number that anybody said it had reached.</summary>
    public ulong Advertised { get; set; }

    /// <summary>What must be known before its entries are listed again; null until it has said so after its return.</summary>
    public ulong? HealTarget { get; private set; }

    /// <summary>The first request to it since its return; 0 if there was none.</summary>
    public ulong HealRequest { get; private set; }

    public TimeSpan? BehindSince { get; set; }

    /// <summary>The ordered answer that is being taken, by answerer, and the part that comes next.</summary>
    public (ReplicaId Answerer, ulong Answer, int Next) Taking { get; set; }

    /// <summary>
    /// Newest version that left for each identity while older dots may still be unknown: a straggler below it is not shown.
    /// Emptied when nothing older can come.
    /// </summary>
    public Dictionary<(string Topic, string Key, ulong Process), ulong> Floors { get; } = [];

    /// <summary>A sign of life, or a pause of this member's own that must not count as silence.</summary>
    public void Heard(TimeSpan now)
    {
        LastHeard = now;
        Unanswered = 0;
        // How these end says nothing about the time after this sign.
        _stale = _underWay;
    }

    public void Probed(TimeSpan now)
    {
        ProbedAt = now;
        _underWay++;
    }

    public void ProbeEnded(bool answered)
    {
        _underWay--;
        if (_stale > 0)
        {
            _stale--;
        }
        else if (!answered)
        {
            Unanswered++;
        }
    }

    /// <summary>A probe that told nothing: nor do those before it, which were not answered for the same want of a way.</summary>
    public void ProbeAbandoned()
    {
        ProbeEnded(answered: true);
        Unanswered = 0;
    }

    public bool IsShown => State == PeerState.Up;

    public void BeginHealing() => (HealTarget, HealRequest) = (null, 0);

    public void Asked(ulong request) => HealRequest = HealRequest == 0 ? request : HealRequest;

    /// <summary>It answered a request: an answer to one of after its return says how far it has got.</summary>
    public void Answered(ulong request, ulong counter)
    {
        if (HealRequest != 0 && request >= HealRequest)
        {
            HealTarget ??= counter;
        }
    }
}
