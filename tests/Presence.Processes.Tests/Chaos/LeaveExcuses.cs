using Presence.Tracker;

namespace Presence.Processes.Tests.Chaos;

/// <summary>
/// Tells which leaves of presences of Orleans clients the faults of a run explain. The client tracks a presence again
/// when its silo is lost, so every other leave is a fault of ours.
/// </summary>
internal sealed class LeaveExcuses
{
    /// <summary>Time after which the loss of a node is known everywhere: the down period, a lease, and more.</summary>
    public static readonly TimeSpan Detection = TimeSpan.FromSeconds(30);

    private readonly List<Window> _losses = [];
    private readonly List<Window> _cuts = [];

    /// <summary>Records that a node ended, or seemed to, from one time until another.</summary>
    public void Lost(string node, TimeSpan from, TimeSpan until) => _losses.Add(new(node, from, until + Detection));

    /// <summary>
    /// Records that the links of a node, or of the database (null), were cut or degraded for so long that the node does
    /// not see the others, and that leases may not have been renewed.
    /// </summary>
    public void Cut(string? node, TimeSpan from, TimeSpan until)
    {
        _cuts.Add(new(node ?? "", from, until + Detection));
        if (node is not null)
        {
            Lost(node, from, until);
        }
    }

    public bool Explain(string owner, LeaveReason reason, TimeSpan at) => reason switch
    {
        LeaveReason.LeaseExpired => _cuts.Exists(cut => cut.Contains(at)),

        // Readers of a node that is cut off see that the others are down.
        LeaveReason.NodeDown => IsLost(owner, at) || _cuts.Exists(cut => cut.Node.Length > 0 && cut.Contains(at)),
        LeaveReason.NodeStopped or LeaveReason.SessionEnded or LeaveReason.Replaced or LeaveReason.Unknown =>
            IsLost(owner, at),
        _ => false,
    };

    private bool IsLost(string owner, TimeSpan at) =>
        _losses.Exists(loss => string.Equals(loss.Node, owner, StringComparison.Ordinal) && loss.Contains(at));

    private sealed record Window(string Node, TimeSpan From, TimeSpan Until)
    {
        public bool Contains(TimeSpan at) => From <= at && at <= Until;
    }
}
