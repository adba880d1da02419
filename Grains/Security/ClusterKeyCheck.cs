using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Presence.Grains.Security;

/// <summary>
/// Logs a warning at start in Production if nothing keeps clients from calling the silos' own grains.
/// </summary>
internal sealed partial class ClusterKeyCheck(
    IOptions<PresenceOrleansOptions> options, IServiceProvider services, ILogger<ClusterKeyCheck> log) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.ClusterKey is null
            && services.GetService<IHostEnvironment>()?.IsProduction() == true
            && !UsesTls())
        {
            LogNoKey(log);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Orleans does not say whether a silo uses TLS; the assembly is loaded when its UseTls is called.
    /// </summary>
    private static bool UsesTls() =>
        AppDomain.CurrentDomain.GetAssemblies().Any(a => a.GetName().Name == "Orleans.Connections.Security");

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "INSECURE: anyone who reaches a silo or gateway port can forge presences and stop nodes. Set the same"
            + " secret Presence:Orleans:ClusterKey on every silo, or demand mutual TLS on both ports"
            + " (docs/operations/security.md).")]
    private static partial void LogNoKey(ILogger logger);
}
