using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node.Health;

namespace Presence.Node.Tests.Health;

public sealed class PresenceLivenessCheckTests
{
    [Theory]
    [InlineData(NodeState.Failed, HealthStatus.Unhealthy, "failed")]
    [InlineData(NodeState.Starting, HealthStatus.Healthy, "live")]
    [InlineData(NodeState.Ready, HealthStatus.Healthy, "live")]
    [InlineData(NodeState.Draining, HealthStatus.Healthy, "live")]
    public void Node_that_has_failed_is_not_live(NodeState state, HealthStatus status, string description)
    {
        var result = PresenceLivenessCheck.Of(state);
        Assert.Equal((status, description), (result.Status, result.Description));
    }

    [Fact]
    public async Task Node_that_has_not_started_is_live_and_not_ready()
    {
        var services = new ServiceCollection().AddLogging().AddPresence();
        services.AddHealthChecks().AddPresence().AddPresenceLiveness();
        await using var provider = services.BuildServiceProvider();
        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(HealthStatus.Healthy, report.Entries["presence live"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["presence"].Status);
    }
}
