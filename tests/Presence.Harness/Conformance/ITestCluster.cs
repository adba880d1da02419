namespace Presence.Harness.Conformance;

/// <summary>A cluster transport under test: one cluster, and methods to start nodes in it.</summary>
/// <remarks>Cluster transports that can be created one by one derive from <see cref="TransportFactory"/>.</remarks>
public interface ITestCluster : IAsyncDisposable
{
    /// <summary>The largest frame that the cluster transport must carry.</summary>
    int MaxFrameBytes { get; }

    /// <summary>Starts a cluster transport without a node, with the test's receiver.</summary>
    Task<ITestClusterNode> StartTransportAsync(string name, IClusterTransportReceiver receiver);

    Task<ITestClusterNode> StartNodeAsync(string name, Action<PresenceOptions> configure);
}

/// <summary>A member of a cluster: a cluster transport alone, or a whole node.</summary>
public interface ITestClusterNode
{
    IClusterTransport Transport { get; }

    /// <summary>The node; only of a whole node.</summary>
    IPresenceNode Node { get; }

    /// <summary>Stops it gracefully: the others are notified of its removal.</summary>
    Task StopAsync();

    /// <summary>Ends it like a crash, without a leave.</summary>
    Task KillAsync();
}
