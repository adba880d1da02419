using System.Diagnostics.Metrics;

namespace Presence.Node;

/// <summary>The names of the meters and of the activity source, for OpenTelemetry and other listeners.</summary>
/// <remarks>The instruments of each meter are listed in <c>docs/reference/metrics.md</c>.</remarks>
public static class PresenceTelemetry
{
    /// <summary>The activity source of all spans.</summary>
    public const string ActivitySourceName = "Presence";

    /// <summary>The meter of trackers, shards, handlers and replication.</summary>
    public const string TrackerMeterName = "Presence.Tracker";

    /// <summary>The meter of unique processes.</summary>
    public const string UniqueMeterName = "Presence.Unique";

    /// <summary>The meter of the in-memory transport.</summary>
    public const string InMemoryMeterName = "Presence.InMemory";

    /// <summary>The meter of silos and Orleans clients.</summary>
    public const string GrainsMeterName = "Presence.Grains";

    /// <summary>The meter of sockets and channels.</summary>
    public const string ChannelsMeterName = "Presence.Channels";

    /// <summary>The meter of the feeds of topics that web endpoints and hubs read.</summary>
    public const string FeedsMeterName = "Presence.Feeds";

    /// <summary>The meter of the dashboard.</summary>
    public const string DashboardMeterName = "Presence.Dashboard";

    /// <summary>Gets the names of all meters.</summary>
    public static IReadOnlyList<string> MeterNames { get; } =
    [
        TrackerMeterName, UniqueMeterName, InMemoryMeterName, GrainsMeterName, ChannelsMeterName, FeedsMeterName,
        DashboardMeterName,
    ];

    /// <summary>
    /// Creates a meter with the factory of a container, so that the nodes of one process can be distinguished;
    /// without a factory, one of its own.
    /// </summary>
    internal static Meter CreateMeter(IMeterFactory? meters, string name) => meters?.Create(name) ?? new Meter(name);

    /// <summary>Gets the bucket boundaries of durations, in seconds: the defaults are too coarse.</summary>
    internal static InstrumentAdvice<double> DurationAdvice { get; } = new()
    {
        HistogramBucketBoundaries =
        [
            0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
        ],
    };
}
