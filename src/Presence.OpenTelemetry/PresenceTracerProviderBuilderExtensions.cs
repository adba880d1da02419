using Presence.Node;

namespace OpenTelemetry.Trace;

/// <summary>Collects the traces of Presence.</summary>
public static class PresenceTracerProviderBuilderExtensions
{
    /// <summary>Adds the source <see cref="PresenceTelemetry.ActivitySourceName"/>.</summary>
    public static TracerProviderBuilder AddPresenceInstrumentation(this TracerProviderBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddSource(PresenceTelemetry.ActivitySourceName);
    }
}
