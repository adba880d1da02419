using Presence.Node;

namespace OpenTelemetry.Metrics;

/// <summary>Collects the metrics of Presence.</summary>
public static class PresenceMeterProviderBuilderExtensions
{
    /// <summary>Adds every meter of <see cref="PresenceTelemetry.MeterNames"/>.</summary>
    public static MeterProviderBuilder AddPresenceInstrumentation(this MeterProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddMeter([.. PresenceTelemetry.MeterNames]);
    }
}
