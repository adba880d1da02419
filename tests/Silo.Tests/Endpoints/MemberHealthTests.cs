using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Presence.Node;

namespace Presence.Silo.Tests.Endpoints;

public sealed class MemberHealthTests
{
    [Fact]
    public async Task A_member_is_healthy_while_its_node_is_ready_and_its_process_does_not_stop()
    {
        await using var services = new ServiceCollection().AddPresence().BuildServiceProvider();
        var arguments = SiloArguments.Parse(["--urls", "http://127.0.0.1:0"]);
        var configuration = SiloConfiguration.Load(arguments);
        var run = SiloRun.Create(configuration, SiloOptions.Read(configuration.Settings), TextWriter.Null);
        var health = new MemberHealth(services.GetRequiredService<IPresenceNode>(), run);
        await CheckAsync(HealthStatus.Unhealthy, "starting");
        var hosted = services.GetServices<IHostedService>().OfType<IHostedLifecycleService>().Single();
        await hosted.StartingAsync(CancellationToken.None);
        await CheckAsync(HealthStatus.Healthy, "ready");
        await run.StopAsync(TimeSpan.FromSeconds(1));
        await CheckAsync(HealthStatus.Unhealthy, "draining");
        await hosted.StoppingAsync(CancellationToken.None);
        await hosted.StoppedAsync(CancellationToken.None);

        async Task CheckAsync(HealthStatus status, string description)
        {
            var result = await health.CheckHealthAsync(new HealthCheckContext());
            Assert.Equal((status, description), (result.Status, result.Description));
        }
    }
}
