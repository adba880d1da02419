using System.Text;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>What one member is and what it serves.</summary>
public sealed class PresenceOptions
{
    /// <summary>The tracker that is always there.</summary>
    public const string DefaultTracker = "presence";

    private readonly Dictionary<string, TrackerOptions> _trackers =
        new(StringComparer.Ordinal) { [DefaultTracker] = new TrackerOptions() };

    /// <summary>Name of this member, unique among living ones; at most 255 bytes. Default: the machine's name.</summary>
    public string NodeName { get; set; } = Environment.MachineName;

    /// <summary>Options of the default tracker.</summary>
    public TrackerOptions Tracker => _trackers[DefaultTracker];

    /// <summary>Options of all trackers by name.</summary>
    public IReadOnlyDictionary<string, TrackerOptions> Trackers => _trackers;

    /// <summary>Sizes beyond which topics, keys and metadata are refused, in all trackers.</summary>
    public PresenceLimits Limits { get; } = new();

    /// <summary>
    /// Commands and frames that may wait for one shard. Default 65,536. When full, commands fail with
    /// <see cref="PresenceOverloadException"/> and frames are dropped and counted (repair brings their content).
    /// </summary>
    public int MailboxCapacity { get; set; } = 65_536;

    /// <summary>
    /// Diffs that may wait for one handler, and for the subscribers of one shard, before they are condensed to their net effect;
    /// messages that may wait for one handler before they are dropped. Default 1,024.
    /// </summary>
    public int HandlerQueueCapacity { get; set; } = 1024;

    /// <summary>Largest body of a pub/sub message. Default 1 MiB.</summary>
    public int MaxMessageBytes { get; set; } = 1024 * 1024;

    /// <summary>How long a stopping member waits for the others to have heard its farewell. Default 1 s.</summary>
    public TimeSpan FarewellTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a probe waits for its answer. Default 1 s.</summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Adds a tracker of its own name, or changes the options of one.</summary>
    public PresenceOptions AddTracker(string name, Action<TrackerOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!_trackers.TryGetValue(name, out var options))
        {
            _trackers.Add(name, options = new TrackerOptions());
        }

        configure?.Invoke(options);
        return this;
    }

    /// <summary>Checks all values.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    public void Validate()
    {
        var rules = new OptionRules("Presence:");
        var nameBytes = Encoding.UTF8.GetByteCount(NodeName ?? "");
        rules.Require(
            nameBytes is > 0 and <= 255,
            $"'{NodeName}' ({nameBytes} bytes)",
            "must have 1 to 255 bytes of UTF-8",
            nameof(NodeName));
        rules.Require(MailboxCapacity >= 16, MailboxCapacity, "must be at least 16");
        rules.Require(HandlerQueueCapacity >= 1, HandlerQueueCapacity, "must be at least 1");
        rules.Require(MaxMessageBytes >= 1, MaxMessageBytes, "must be at least 1");
        rules.Require(FarewellTimeout >= TimeSpan.Zero, FarewellTimeout, "must not be negative");
        rules.Require(ProbeTimeout > TimeSpan.Zero, ProbeTimeout, "must be positive");
        Limits.Validate();
        foreach (var (name, tracker) in _trackers)
        {
            rules.Require(name != PubSubChannel, name, "must not be named like the pub/sub channel", nameof(Trackers));
            tracker.Validate();
        }
    }

    internal const string PubSubChannel = "pubsub";
}
