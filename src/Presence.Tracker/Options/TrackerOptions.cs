using Presence.Tracker.Counts;
using Presence.Tracker.Entries;
using Presence.Tracker.Options;
using Presence.Tracker.Views;
using Presence.Tracker.Wire;

namespace Presence.Tracker;

/// <summary>Options of one tracker. Durations are measured on a monotonic clock.</summary>
/// <remarks>Names and rules follow Phoenix.Tracker; differences are documented at the property.</remarks>
public sealed class TrackerOptions
{
    /// <summary>Largest <see cref="PoolSize"/>.</summary>
    internal const int MaxPoolSize = 1024;

    private readonly List<(TopicPattern Topics, FieldPointer Field)> _indexes = [];
    private readonly List<(TopicPattern Topics, AdaptiveMode Mode)> _adaptive = [];
    private readonly List<(TopicPattern Topics, AdaptiveMode Mode)> _countsOnly = [];

    /// <summary>
    /// Interval of the periodic step. Default 1500 ms, 10 ms to 1 h: a step that is late by two periods counts as a
    /// suspension of the process. <see cref="DeltaDelay"/> is for changes.
    /// </summary>
    public TimeSpan BroadcastPeriod { get; set; } = TimeSpan.FromMilliseconds(1500);

    /// <summary>Broadcast periods between heartbeats while nothing changes. Default 10, 1 to 1000.</summary>
    public int MaxSilentPeriods { get; set; } = 10;

    /// <summary>
    /// Silence after which a node is marked down and its presences leave. Default <see cref="BroadcastPeriod"/> x
    /// <see cref="MaxSilentPeriods"/> x 2; at least twice <see cref="BroadcastPeriod"/>.
    /// After 1.5 <see cref="BroadcastPeriod"/>s of silence, or one period before this if that is earlier, the shard
    /// probes the node, once per period; an answer counts as contact, and no node is marked down before a probe had its
    /// time. Four unanswered probes in a row mark it down early, but not before a fifth of this.
    /// </summary>
    public TimeSpan? DownPeriod { get; set; }

    /// <summary>
    /// Silence after which a node is removed. Default 20 min; longer than <see cref="DownPeriod"/>, at most 365 days.
    /// </summary>
    public TimeSpan PermDownPeriod { get; set; } = TimeSpan.FromMinutes(20);

    /// <summary>Broadcast periods between two comparisons of clocks. Default 2, 1 to 1000.</summary>
    public int ClockSamplePeriods { get; set; } = 2;

    /// <summary>
    /// Sizes of the generations of the removal log, ascending. Default 100, 1000, 10000. Only the last one is used: the
    /// log holds that many dots. A peer that lacks older removals gets all removed intervals instead.
    /// </summary>
    public IReadOnlyList<int> MaxDeltaSizes { get; set; } = [100, 1000, 10_000];

    /// <summary>
    /// Shards of the tracker on this node: the number of changes that it processes at a time. Default 1, at most 1,024.
    /// Nodes may have different values, and a rolling restart may change it: a node with another value is read from as
    /// many lanes as it has shards. At most 8 values in a cluster.
    /// </summary>
    public int PoolSize { get; set; } = 1;

    /// <summary>
    /// Maximum time for which changes are batched. Default 20 ms; zero disables batching. The first change of an idle
    /// shard is sent at once. Later ones wait a twentieth of this per peer, and longer when they are many: about 3 ms
    /// in a quiet cluster of three nodes, all of it with 20 peers, at 1,500 joins or at 750 updates a second.
    /// </summary>
    public TimeSpan DeltaDelay { get; set; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Maximum number of different views of one topic with subscribers on this node. Default 1,000, 1 to 100,000. Each
    /// costs a comparison of keys per change, and memory for what it shows.
    /// </summary>
    public int MaxViewsPerTopic { get; set; } = 1000;

    /// <summary>Minimum log level: <c>Trace</c> to <c>Critical</c>, or <c>None</c> (default).</summary>
    public string LogLevel { get; set; } = "None";

    /// <summary>
    /// Declares a field of the metadata by which views of some topics may filter. A node indexes it for a topic, until
    /// a minute after the last view, when views have looked at as many that do not match as the topic has presences.
    /// </summary>
    /// <param name="topics">A topic, or a prefix and <c>*</c>, such as <c>cart:*</c>.</param>
    /// <param name="field">The field as a JSON Pointer (RFC 6901), such as <c>/status</c>.</param>
    /// <exception cref="ArgumentException">The pattern or the pointer is malformed.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddPresence(options => options.Tracker.AddIndex("cart:*", "/status"));
    /// </code>
    /// </example>
    public TrackerOptions AddIndex(string topics, string field)
    {
        ArgumentNullException.ThrowIfNull(field);
        _indexes.Add((new TopicPattern(topics), new FieldPointer(field)));
        return this;
    }

    /// <summary>
    /// Makes clients of some topics receive counts instead of members while a topic is large. Channels, hubs and events
    /// announce each switch; reads, pages, views and other subscriptions are as before.
    /// </summary>
    /// <param name="topics">
    /// A topic, or a prefix and <c>*</c>, such as <c>stream:*</c>. Of several that match the first one counts.
    /// </param>
    /// <param name="members">
    /// Maximum number of presences that are sent as members, at least 1. With more, clients receive counts; with four
    /// fifths of it, or fewer, members again.
    /// </param>
    /// <param name="sample">Number of presences sent with the counts as a sample, 0 to 100.</param>
    /// <param name="every">Minimum time between two messages with counts, 100 ms to 1 h. Default 1 s.</param>
    /// <exception cref="ArgumentException">The pattern is malformed, or a number is out of range.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddPresence(options => options.Tracker.AddAdaptive("stream:*", members: 500, sample: 20));
    /// </code>
    /// </example>
    public TrackerOptions AddAdaptive(string topics, int members = 500, int sample = 20, TimeSpan? every = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(members, 1);
        _adaptive.Add((new TopicPattern(topics), new AdaptiveMode(members, Checked(sample), Checked(every))));
        return this;
    }

    /// <summary>
    /// Keeps the presences of some topics on their nodes: the others receive their number, and a sketch of their keys,
    /// from which all nodes estimate the number of distinct keys. For topics of which nobody needs the members.
    /// </summary>
    /// <param name="topics">
    /// A topic, or a prefix and <c>*</c>, such as <c>live:*</c>; the same on all nodes. Of several that match the first
    /// one counts. A topic that matches is not adaptive too, and none of its fields can be used in views.
    /// </param>
    /// <param name="every">
    /// Minimum time between two numbers of a node for the others, and between two messages with counts, 100 ms to 1 h.
    /// Default 1 s.
    /// </param>
    /// <param name="sample">
    /// Number of presences of a client's own node that are sent with the counts as a sample, 0 to 100.
    /// </param>
    /// <remarks>
    /// Clients always receive counts. What needs members fails with <see cref="CountsOnlyTopicException"/>: lists,
    /// lookups by key, subscriptions, views and watches. Handlers and streams have no changes of these topics.
    /// </remarks>
    /// <exception cref="ArgumentException">The pattern is malformed, or a number is out of range.</exception>
    /// <example>
    /// <code>
    /// builder.Services.AddPresence(options => options.Tracker.AddCountsOnly("live:*"));
    /// </code>
    /// </example>
    public TrackerOptions AddCountsOnly(string topics, TimeSpan? every = null, int sample = 20)
    {
        _countsOnly.Add((new TopicPattern(topics), new AdaptiveMode(0, Checked(sample), Checked(every))));
        return this;
    }

    /// <summary>Gets whether some topics are counts-only.</summary>
    internal bool HasCountsOnly => _countsOnly.Count > 0;

    /// <summary>Returns how a counts-only topic is sent; null if the topic is none.</summary>
    internal AdaptiveMode? CountsOnlyOf(string topic) => ModeOf(_countsOnly, topic);

    /// <summary>Returns whether all topics of a pattern are counts-only because of one pattern.</summary>
    internal bool AreCountsOnly(TopicPattern topics) => _countsOnly.Exists(one => one.Topics.Contains(topics));

    /// <summary>Returns when a topic is sent as counts; null: never.</summary>
    internal AdaptiveMode? AdaptiveOf(string topic) => CountsOnlyOf(topic) ?? ModeOf(_adaptive, topic);

    private static AdaptiveMode? ModeOf(List<(TopicPattern Topics, AdaptiveMode Mode)> modes, string topic)
    {
        foreach (var (topics, mode) in modes)
        {
            if (topics.Matches(topic))
            {
                return mode;
            }
        }

        return null;
    }

    private static int Checked(int sample)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sample, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sample, 100);
        return sample;
    }

    private static TimeSpan Checked(TimeSpan? every)
    {
        var period = every ?? TimeSpan.FromSeconds(1);
        ArgumentOutOfRangeException.ThrowIfLessThan(period, TimeSpan.FromMilliseconds(100), nameof(every));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(period, TimeSpan.FromHours(1), nameof(every));
        return period;
    }

    /// <exception cref="PresenceViewException">
    /// The view is malformed, or filters by a field that is not declared for the topic.
    /// </exception>
    /// <exception cref="CountsOnlyTopicException">The topic has no list.</exception>
    internal void Check(PresenceView view, string topic)
    {
        view.Check();
        if (!view.IsWhole && CountsOnlyOf(topic) is not null)
        {
            throw new CountsOnlyTopicException(topic);
        }

        foreach (var field in view.Where.Keys)
        {
            if (!_indexes.Any(index => index.Field.Text == field && index.Topics.Matches(topic)))
            {
                throw new PresenceViewException(
                    $"The field '{field}' is not declared for this topic: declare it with AddIndex.");
            }
        }
    }

    /// <summary>Gets <see cref="DownPeriod"/> or its default.</summary>
    public TimeSpan EffectiveDownPeriod => DownPeriod ?? BroadcastPeriod * MaxSilentPeriods * 2;

    /// <summary>Gets the silence after which a node is probed, so that a probe ends within the down period.</summary>
    internal TimeSpan ProbeDelay =>
        TimeSpan.FromTicks(Math.Min((BroadcastPeriod * 1.5).Ticks, (EffectiveDownPeriod - BroadcastPeriod).Ticks));

    /// <summary>Gets the time for which a probe can wait without delaying the detection of a dead node.</summary>
    internal TimeSpan MaxProbeTimeout =>
        TimeSpan.FromTicks(Math.Max(BroadcastPeriod.Ticks, (EffectiveDownPeriod - (BroadcastPeriod * 2.5)).Ticks));

    /// <summary>Checks the rules above.</summary>
    /// <exception cref="ArgumentException">A value breaks a rule; the message names both.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:Tracker:");
        rules.Require(
            BroadcastPeriod >= TimeSpan.FromMilliseconds(10) && BroadcastPeriod <= TimeSpan.FromHours(1),
            BroadcastPeriod,
            "must be 10 ms to 1 h");
        rules.Require(MaxSilentPeriods is >= 1 and <= 1000, MaxSilentPeriods, "must be between 1 and 1000");
        rules.Require(
            EffectiveDownPeriod >= BroadcastPeriod * 2,
            EffectiveDownPeriod,
            $"must be at least twice {nameof(BroadcastPeriod)} ({BroadcastPeriod})",
            nameof(DownPeriod));
        rules.Require(
            PermDownPeriod > EffectiveDownPeriod,
            PermDownPeriod,
            $"must be longer than {nameof(DownPeriod)} ({EffectiveDownPeriod})");
        rules.Require(PermDownPeriod <= TimeSpan.FromDays(365), PermDownPeriod, "must be at most 365 days");
        rules.Require(ClockSamplePeriods is >= 1 and <= 1000, ClockSamplePeriods, "must be between 1 and 1000");
        rules.Require(PoolSize is >= 1 and <= MaxPoolSize, PoolSize, "must be between 1 and 1024");
        rules.Require(MaxViewsPerTopic is >= 1 and <= 100_000, MaxViewsPerTopic, "must be between 1 and 100000");
        rules.Require(DeltaDelay >= TimeSpan.Zero, DeltaDelay, "must not be negative");
        rules.Require(
            DeltaDelay <= BroadcastPeriod,
            DeltaDelay,
            $"must not be longer than {nameof(BroadcastPeriod)} ({BroadcastPeriod})");
        rules.Require(
            MaxDeltaSizes is [> 0, ..] sizes && sizes.Zip(sizes.Skip(1)).All(p => p.First < p.Second),
            $"[{string.Join(", ", MaxDeltaSizes ?? [])}]",
            "must be positive and ascending",
            nameof(MaxDeltaSizes));
        rules.Require(
            LogLevel is "Trace" or "Debug" or "Information" or "Warning" or "Error" or "Critical" or "None",
            LogLevel,
            "must be Trace, Debug, Information, Warning, Error, Critical or None");
        var former = _adaptive.Select(one => one.Topics).Concat(_indexes.Select(one => one.Topics));
        var twice = _countsOnly.Find(one => former.Any(one.Topics.IsSame)).Topics;
        rules.Require(
            twice is null, twice?.Pattern, "is also given to AddAdaptive or AddIndex", nameof(AddCountsOnly));
    }
}

/// <summary>Maximum sizes of input, in bytes of UTF-8. Larger input is rejected.</summary>
public sealed class PresenceLimits
{
    /// <summary>Maximum size of a topic. Default 255.</summary>
    public int MaxTopicBytes { get; set; } = 255;

    /// <summary>Maximum size of a key. Default 255.</summary>
    public int MaxKeyBytes { get; set; } = 255;

    /// <summary>Maximum size of the metadata of one presence. Default 64 KiB.</summary>
    public int MaxMetaBytes { get; set; } = 64 * 1024;

    /// <summary>Checks the limits.</summary>
    /// <exception cref="ArgumentException">A limit is not positive or larger than a frame can carry.</exception>
    internal void Validate()
    {
        var rules = new OptionRules("Presence:Limits:");
        rules.Require(MaxTopicBytes is >= 1 and <= 64 * 1024, MaxTopicBytes, "must be between 1 and 65536");
        rules.Require(MaxKeyBytes is >= 1 and <= 64 * 1024, MaxKeyBytes, "must be between 1 and 65536");
        rules.Require(MaxMetaBytes is >= 1 and <= 16 * 1024 * 1024, MaxMetaBytes, "must be between 1 and 16777216");
    }
    /// <exception cref="ArgumentException">The topic has no form in UTF-8.</exception>
    /// <exception cref="PresenceLimitException">It is empty or too large.</exception>
    internal void CheckTopic(string topic) => CheckText("topic", topic, MaxTopicBytes);

    /// <exception cref="ArgumentException">The key has no form in UTF-8.</exception>
    /// <exception cref="PresenceLimitException">It is empty or too large.</exception>
    internal void CheckKey(string key) => CheckText("key", key, MaxKeyBytes);

    private static void CheckText(string what, string text, int limit)
    {
        ArgumentNullException.ThrowIfNull(text, what);
        StrictUtf8.Check(text, what);
        // A UTF-16 unit takes at most three bytes in UTF-8, so most texts need no byte count.
        if (text.Length == 0 || text.Length > limit / 3)
        {
            var size = StrictUtf8.SizeOf(text, what);
            if (size == 0 || size > limit)
            {
                throw new PresenceLimitException(what, size, limit);
            }
        }
    }
}
