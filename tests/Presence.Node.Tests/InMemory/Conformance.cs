namespace Presence.Node.Tests.InMemory;

[Trait("Category", "InMemory")]
public sealed class InMemoryTransportConformanceTests : TransportConformance
{
    protected override Task<ITestCluster> StartClusterAsync() =>
        Task.FromResult<ITestCluster>(new InMemoryTestCluster());
}

[Trait("Category", "InMemory")]
public sealed class InMemoryMembershipConformanceTests : MembershipConformance
{
    protected override Task<ITestCluster> StartClusterAsync() =>
        Task.FromResult<ITestCluster>(new InMemoryTestCluster());
}

[Trait("Category", "InMemory")]
public sealed class InMemoryNodeConformanceTests : NodeConformance
{
    protected override Task<ITestCluster> StartClusterAsync() =>
        Task.FromResult<ITestCluster>(new InMemoryTestCluster());
}

internal sealed class InMemoryTestCluster : TransportFactory
{
    private readonly InMemoryCluster _cluster = new();

    public override int MaxFrameBytes => 20 * 1024 * 1024;

    protected override IClusterTransport CreateTransport(string name) => _cluster.CreateTransport(name);

    protected override Task KillAsync(IClusterTransport transport)
    {
        _cluster.Kill(transport.NodeName);
        return Task.CompletedTask;
    }
}
