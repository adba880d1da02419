using Microsoft.Extensions.Diagnostics.HealthChecks;
using Presence.Node.Hosting;

namespace Presence.Node.Health;

/// <summary>Reports whether this node serves its clients, and whether it has contact with the others.</summary>
internal sealed class PresenceHealthCheck(PresenceNode node, IEnumerable<ILeaseStore> leases) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var transport = node.Transport;
        var (up, recovering) = (0, 0);
        foreach (var peer in node.Peers())
        {
            up += peer.IsUp && peer.IsShown ? 1 : 0;
            recovering += peer.IsUp && !peer.IsShown ? 1 : 0;
        }

        var problem = Problem(transport, recovering);
        var (status, description) = node.State switch
        {
            NodeState.Ready when problem is null => (HealthStatus.Healthy, "ready"),
            NodeState.Ready => (HealthStatus.Degraded, problem),
            NodeState.Starting when node.IsSynchronizing =>
                (context.Registration.FailureStatus, "starting: waits for the presences of the other nodes"),
            NodeState.Failed => (context.Registration.FailureStatus, "failed: another live node has this name"),
            var state => (context.Registration.FailureStatus, state.ToString().ToLowerInvariant()),
        };
        var data = new Dictionary<string, object>
        {
            ["node"] = node.Name,
            ["incarnation"] = node.Incarnation,
            ["transport"] = $"{node.TransportName}, {(transport.IsConnected ? "connected" : "disconnected")}",
            ["replicas_up"] = up,
            ["replicas_recovering"] = recovering,
        };
        return Task.FromResult(new HealthCheckResult(status, description, data: data));
    }

    /// <summary>Returns why a ready node is degraded; it still serves reads and local writes.</summary>
    private string? Problem(ClusterTransportStatus transport, int recovering) =>
        !transport.IsConnected ? $"transport disconnected: {transport.LastError ?? "no reason given"}"
        : leases.Select(store => store.LastError).FirstOrDefault(e => e is not null) is { } error ? error
        : recovering > 0 ? $"{recovering} replicas recover"
        : null;
}
