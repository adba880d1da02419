using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Presence.Silo.Configuration;
using Presence.Silo.Endpoints;

namespace Presence.Silo.Nodes;

/// <summary>Registers the services of a node.</summary>
internal static class NodeServices
{
    public static void Add(IServiceCollection services, SiloRun run)
    {
        services.AddSingleton(run.Keys.Provider);
        SiloOptions.AddTo(services);
        services.AddProblemDetails();
        services.AddHealth(run);
        AddTelemetry(services, run.Options.Metrics);

        if (run.Options.Database is { } database)
        {
            // Leases of unique processes; the first one opens a connection.
            services.AddPostgresLeases(database);
        }

        services.AddPresenceDashboard(admin => admin.Password = run.Options.Admin.Password);
        if (run.Options.Samples)
        {
            services.AddSamples();
        }
    }

    /// <summary>Adds what <c>/metrics</c> serves, and the OTLP exporter where its variable is set.</summary>
    private static void AddTelemetry(IServiceCollection services, bool hasMetrics)
    {
        var exports = !string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT"));
        if (!hasMetrics && !exports)
        {
            return;
        }

        var telemetry = services.AddOpenTelemetry().WithMetrics(metrics =>
        {
            metrics.AddPresenceInstrumentation()
                .AddMeter("Microsoft.Orleans", "Microsoft.AspNetCore.Hosting", "System.Runtime");
            if (hasMetrics)
            {
                metrics.AddPrometheusExporter();
            }
        });
        if (exports)
        {
            telemetry.WithTracing(traces => traces.AddPresenceInstrumentation()).UseOtlpExporter();
        }
    }
}
