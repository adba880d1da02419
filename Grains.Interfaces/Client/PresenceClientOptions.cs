using Presence.Tracker;

namespace Presence.Grains;

/// <summary>How a client keeps what it tracks and watches (<c>Presence:Client</c>).</summary>
public sealed class PresenceClientOptions
{
    /// <summary>
    /// How often leases and watches are renewed and looked after, which is how soon the loss of a silo or of a message is
    /// noticed. Default 1 s; at least 50 ms. Must be shorter than a third of the silos' <c>LeaseDuration</c> (30 s by
    /// default). Costs a call per silo that keeps presences of this client, and one per watch.
    /// </summary>
    public TimeSpan CheckPeriod { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time after which a call to a silo counts as failed. Default 5 s.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Batches that may wait for a watch's handler. Default 1,000. When there are more, they are dropped and the handler
    /// is told their net effect.
    /// </summary>
    public int WatchBacklog { get; set; } = 1000;

    /// <summary>
    /// How long two silos may disagree about a presence before the one that is listened to now is believed. Default 10 s.
    /// Matters only while silos go.
    /// </summary>
    public TimeSpan Settle { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    public void Validate()
    {
        var rules = new OptionRules("Presence:Client:");
        rules.Require(CheckPeriod >= TimeSpan.FromMilliseconds(50), CheckPeriod, "must be at least 50 ms");
        rules.Require(CallTimeout > TimeSpan.Zero, CallTimeout, "must be positive");
        rules.Require(WatchBacklog >= 1, WatchBacklog, "must be at least 1");
        rules.Require(Settle >= TimeSpan.Zero, Settle, "must not be negative");
    }
}
