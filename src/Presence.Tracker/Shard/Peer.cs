using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>The state of a peer on this node.</summary>
internal enum PeerState
{
    /// <summary>Not known.</summary>
    Unknown,

    /// <summary>In contact; its entries are visible.</summary>
    Up,

    /// <summary>In contact again; its entries become visible once the recovery target is reached.</summary>
    Recovering,

    /// <summary>Silent for too long; its entries are kept but hidden.</summary>
    Down,
}

/// <summary>One replica of another node.</summary>
internal sealed class Peer(ReplicaId replica, ReplicaState<PresenceEntry> dots, TimeSpan now)
{
    private int _inFlight;
    private int _stale;

    public ReplicaId Replica => replica;

    public ReplicaState<PresenceEntry> Dots => dots;

    /// <summary>Gets or sets the process that writes as this replica: see <see cref="Sender.Instance"/>.</summary>
    public ulong Instance { get; set; }

    public PeerState State { get; set; } = PeerState.Up;

    /// <summary>Gets or sets whether it only reads this lane; it writes in those of another pool size.</summary>
    public bool IsReader { get; set; }

    public TimeSpan LastContact { get; private set; } = now;

    public TimeSpan? ProbedAt { get; private set; }

    /// <summary>Gets the number of unanswered probes that were sent after the last contact.</summary>
    public int Unanswered { get; private set; }

    /// <summary>Gets whether a probe that was sent after the last contact has ended, in whatever way.</summary>
    public bool HasProbeEnded { get; private set; }

    /// <summary>Gets or sets the highest sequence number of this replica that any node has reported.</summary>
    public ulong MaxKnownSequence { get; set; }

    /// <summary>Gets the sequence number to reach before entries are visible again; null until reported.</summary>
    public ulong? RecoveryTarget { get; private set; }

    /// <summary>Gets the first request to it since its return; 0 if there was none.</summary>
    public ulong RecoveryRequest { get; private set; }

    public TimeSpan? BehindSince { get; set; }

    /// <summary>Gets the ordered answers about this replica that are being received.</summary>
    public OrderedParts OrderedParts { get; } = new();

    /// <summary>
    /// Gets the visible entries that have ended here, while their next version may be among the missing dots, with the
    /// reason of the leave in case it is not.
    /// </summary>
    public List<(PresenceEntry Entry, LeaveReason Reason)> Ending { get; } = [];

    /// <summary>
    /// Gets the newest ended version per identity while older dots may be unknown; an older version that arrives late
    /// stays hidden. Cleared when no dots are missing.
    /// </summary>
    public Dictionary<(string Topic, string Key, ulong Process), ulong> MinVisibleSequence { get; } = [];

    /// <summary>Records contact, or moves it forward after a suspension of this process.</summary>
    public void OnContact(TimeSpan now)
    {
        LastContact = now;
        Unanswered = 0;
        HasProbeEnded = false;
        // The outcome of probes in flight says nothing about the time after this contact.
        _stale = _inFlight;
    }

    public void OnProbeSent(TimeSpan now)
    {
        ProbedAt = now;
        _inFlight++;
    }

    public void OnProbeEnded(bool answered)
    {
        _inFlight--;
        if (_stale > 0)
        {
            _stale--;
        }
        else
        {
            HasProbeEnded = true;
            Unanswered += answered ? 0 : 1;
        }
    }

    /// <summary>Ignores this probe and the failed ones before it: this node was disconnected.</summary>
    public void OnProbeAbandoned()
    {
        OnProbeEnded(answered: true);
        Unanswered = 0;
    }

    public bool IsShown => State == PeerState.Up;

    public void BeginRecovery() => (RecoveryTarget, RecoveryRequest) = (null, 0);

    public void OnRequestSent(ulong request) => RecoveryRequest = RecoveryRequest == 0 ? request : RecoveryRequest;

    /// <summary>Records an answer: the first one to a request sent after its return sets the recovery target.</summary>
    public void OnResponse(ulong request, ulong counter)
    {
        // The difference is large for an earlier request, and for one of another process.
        if (RecoveryRequest != 0 && request - RecoveryRequest <= uint.MaxValue)
        {
            RecoveryTarget ??= counter;
        }
    }
}
