using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Presence.Node;

namespace Presence.Silo.Tests.Endpoints;

public sealed class NodeHealthTests
{
    [Fact]
    public async Task Process_that_stops_is_not_ready_before_its_nodes_stop()
    {
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(["--urls", "http://127.0.0.1:0"]));
        var run = SiloRun.Create(configuration, SiloOptions.Read(configuration.Settings), TextWriter.Null);
        var drain = new DrainCheck(run);
        Assert.Equal(HealthStatus.Healthy, (await drain.CheckHealthAsync(new HealthCheckContext())).Status);
        await run.StopAsync(TimeSpan.FromSeconds(1));
        var stopping = await drain.CheckHealthAsync(new HealthCheckContext());
        Assert.Equal((HealthStatus.Unhealthy, "draining"), (stopping.Status, stopping.Description));
    }

    [Theory]
    [InlineData(NodeState.Failed, HealthStatus.Unhealthy, "failed")]
    [InlineData(NodeState.Starting, HealthStatus.Healthy, "live")]
    [InlineData(NodeState.Ready, HealthStatus.Healthy, "live")]
    [InlineData(NodeState.Draining, HealthStatus.Healthy, "live")]
    public void Node_that_has_failed_is_not_live(NodeState state, HealthStatus status, string description)
    {
        var result = NodeLiveness.Of(state);
        Assert.Equal((status, description), (result.Status, result.Description));
    }
}
