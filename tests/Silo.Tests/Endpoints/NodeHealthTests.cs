using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Silo.Configuration;
using Presence.Silo.Endpoints;
using Presence.Silo.Nodes;

namespace Presence.Silo.Tests.Endpoints;

public sealed class NodeHealthTests
{
    [Fact]
    public async Task Process_that_stops_is_not_ready_before_its_nodes_stop()
    {
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(["--urls", "http://127.0.0.1:0"]));
        var run = SiloRun.Create(configuration, SiloOptions.Read(configuration.Settings), TextWriter.Null);
        Assert.Equal(HealthStatus.Healthy, HealthEndpoints.DrainOf(run).Status);
        await run.StopAsync(TimeSpan.FromSeconds(1));
        var stopping = HealthEndpoints.DrainOf(run);
        Assert.Equal((HealthStatus.Unhealthy, "draining"), (stopping.Status, stopping.Description));
    }
}
