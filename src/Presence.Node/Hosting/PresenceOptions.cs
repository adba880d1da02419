using Presence.Node.CountsOnly;
using Presence.Tracker;
using Presence.Tracker.Options;
using Presence.Tracker.Wire;

namespace Presence.Node;

/// <summary>Options of a node (section <c>Presence</c>).</summary>
public sealed class PresenceOptions
{
    /// <summary>Name of the default tracker, which always exists.</summary>
    public const string DefaultTracker = "presence";

    private readonly Dictionary<string, TrackerOptions> _trackers =
        new(StringComparer.Ordinal) { [DefaultTracker] = new TrackerOptions() };

    /// <summary>
    /// Gets or sets the node's name, unique in the cluster; at most 255 bytes. Default: machine name.
    /// </summary>
    public string NodeName { get; set; } = Environment.MachineName;

    /// <summary>Gets the options of the default tracker.</summary>
    public TrackerOptions Tracker => _trackers[DefaultTracker];

    /// <summary>Gets the options of all trackers by name.</summary>
    public IReadOnlyDictionary<string, TrackerOptions> Trackers => _trackers;

    /// <summary>Gets the maximum sizes of topics, keys and metadata, for all trackers.</summary>
    public PresenceLimits Limits { get; } = new();

    /// <summary>
    /// Gets or sets how many commands and frames may wait for one shard. Default 65,536, at least 16. When it is full,
    /// commands fail with <see cref="PresenceOverloadException"/>; frames are dropped, counted and repaired later.
    /// </summary>
    public int MailboxCapacity { get; set; } = 65_536;

    /// <summary>
    /// Gets or sets how many diffs may wait for one handler, and for the subscribers of one shard, before later ones
    /// are coalesced to their net effect; and how many messages may wait for one handler before new ones are rejected.
    /// Default 1,024.
    /// </summary>
    public int HandlerQueueCapacity { get; set; } = 1024;

    /// <summary>Gets or sets the maximum size of the body of a pub/sub message, in bytes. Default 1 MiB.</summary>
    public int MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>
    /// Gets or sets how many bytes of pub/sub messages of one sending node may wait for the subscribers of this node.
    /// One message always fits; beyond it new ones are dropped and counted. Default 64 MiB.
    /// </summary>
    public long PubSubQueueMaxBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>Gets or sets how long a stopping node waits for acknowledgements of its leave. Default 1 s.</summary>
    public TimeSpan LeaveTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Gets or sets how long a starting node waits for the presences of the nodes that are up, before it is ready and
    /// its host starts its servers. A client that is shown a topic without presences that exist would report leaves.
    /// Default 5 s; 0: does not wait.
    /// </summary>
    public TimeSpan SynchronizationTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Gets or sets how long a probe waits for its response. Default 1 s. It waits at most for the tracker's
    /// <c>BroadcastPeriod</c>, or for its <c>DownPeriod</c> less 2.5 times that if this is longer, so that it does not
    /// delay the detection of a dead node.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Adds a tracker, or configures the existing one of that name.</summary>
    public PresenceOptions AddTracker(string name, Action<TrackerOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        StrictUtf8.Check(name, nameof(name));
        if (!_trackers.TryGetValue(name, out var options))
        {
            _trackers.Add(name, options = new TrackerOptions());
        }

        configure?.Invoke(options);
        return this;
    }

    /// <exception cref="ArgumentException">A value breaks a rule; the message names both.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:");
        var nameBytes = StrictUtf8.SizeOf(NodeName, nameof(NodeName));
        rules.Require(
            nameBytes is > 0 and <= 255,
            $"'{NodeName}' ({nameBytes} bytes)",
            "must have 1 to 255 bytes of UTF-8",
            nameof(NodeName));
        rules.Require(MailboxCapacity >= 16, MailboxCapacity, "must be at least 16");
        rules.Require(HandlerQueueCapacity >= 1, HandlerQueueCapacity, "must be at least 1");
        rules.Require(MaxMessageBytes >= 1, MaxMessageBytes, "must be at least 1");
        rules.Require(PubSubQueueMaxBytes >= 1, PubSubQueueMaxBytes, "must be at least 1");
        rules.RequireWait(LeaveTimeout >= TimeSpan.Zero, LeaveTimeout, "must not be negative");
        rules.RequireWait(SynchronizationTimeout >= TimeSpan.Zero, SynchronizationTimeout, "must not be negative");
        rules.RequireWait(ProbeTimeout > TimeSpan.Zero, ProbeTimeout, "must be positive");
        Limits.Validate();
        foreach (var (name, tracker) in _trackers)
        {
            rules.Require(name != PubSubChannel, name, "is the name of the pub/sub channel", nameof(Trackers));
            rules.Require(name != EvictionChannel, name, "is the name of the channel of evictions", nameof(Trackers));
            rules.Require(name != MessageChannel, name, "is the name of the channel of messages", nameof(Trackers));
            rules.Require(name != PageChannel, name, "is the name of the channel of pages", nameof(Trackers));
            rules.Require(name != SessionChannel, name, "is the name of the channel of sessions", nameof(Trackers));
            rules.Require(
                !Trackers.ContainsKey(CountsOnlyTopics.NameOf(name))
                    && !Trackers.ContainsKey(CountsOnlyTopics.ChannelOf(name)),
                name,
                "has a tracker with its name and #local or #counts, which are those of its counts-only topics",
                nameof(Trackers));
            tracker.Validate();
        }
    }

    internal const string PubSubChannel = "pubsub";
    internal const string SessionChannel = "sessions";

    internal const string EvictionChannel = "evictions";

    internal const string MessageChannel = "messages";

    internal const string PageChannel = "pages";
}
