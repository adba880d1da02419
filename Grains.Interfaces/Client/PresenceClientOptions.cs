using Presence.Tracker.Options;

namespace Presence.Grains;

/// <summary>Options of an <see cref="IPresenceClient"/> (<c>Presence:Client</c>).</summary>
public sealed class PresenceClientOptions
{
    /// <summary>
    /// Interval of the checks of each silo that keeps presences or subscriptions of this client: the time to detect a
    /// lost silo or message. Default 1 s; at least 50 ms. Leases and subscriptions are renewed after a third of the
    /// silos' <c>LeaseDuration</c> (30 s by default); where a quarter of it is shorter than this interval, that quarter
    /// is used instead. A check is one call per silo.
    /// </summary>
    public TimeSpan RenewalInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Time after which a call to a silo counts as failed. Default 5 s.</summary>
    public TimeSpan CallTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Maximum size of a topic in bytes of UTF-8, which is checked before it is sent. Default 255; at least 1. The
    /// silos have their own limit, <c>Presence:Limits:MaxTopicBytes</c>.
    /// </summary>
    public int MaxTopicBytes { get; set; } = 255;

    /// <summary>
    /// Maximum size of a key in bytes of UTF-8, which is checked before it is sent. Default 255; at least 1. The silos
    /// have their own limit, <c>Presence:Limits:MaxKeyBytes</c>.
    /// </summary>
    public int MaxKeyBytes { get; set; } = 255;

    /// <summary>
    /// Maximum size of metadata in bytes, which is checked before it is sent. Default 64 KiB; at least 1. The silos
    /// have their own limit, <c>Presence:Limits:MaxMetaBytes</c>.
    /// </summary>
    public int MaxMetaBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// Maximum size of the JSON of a message to sessions in bytes, which is checked before it is sent. Default 1 MiB;
    /// at least 1. The silos have their own limit, <c>Presence:MaxMessageBytes</c>.
    /// </summary>
    public int MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// Maximum number of batches that wait for a subscription's handler. Default 1,000; at least 1. When it is
    /// exceeded, the batches are dropped and the handler receives their net effect.
    /// </summary>
    public int SubscriptionQueueCapacity { get; set; } = 1000;

    /// <summary>
    /// Time for which two silos may disagree about a presence before the current one prevails. Default 10 s. Matters
    /// only while silos stop or fail.
    /// </summary>
    public TimeSpan SiloSwitchGracePeriod { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Validates the options.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:Client:");
        rules.RequireWait(RenewalInterval >= TimeSpan.FromMilliseconds(50), RenewalInterval, "must be at least 50 ms");
        rules.RequireWait(CallTimeout > TimeSpan.Zero, CallTimeout, "must be positive");
        rules.Require(MaxTopicBytes >= 1, MaxTopicBytes, "must be at least 1");
        rules.Require(MaxKeyBytes >= 1, MaxKeyBytes, "must be at least 1");
        rules.Require(MaxMessageBytes >= 1, MaxMessageBytes, "must be at least 1");
        rules.Require(MaxMetaBytes >= 1, MaxMetaBytes, "must be at least 1");
        rules.Require(SubscriptionQueueCapacity >= 1, SubscriptionQueueCapacity, "must be at least 1");
        rules.RequireWait(SiloSwitchGracePeriod >= TimeSpan.Zero, SiloSwitchGracePeriod, "must not be negative");
    }
}
