namespace Presence.Grains.Tests.Conformance;

[Trait("Category", "Orleans")]
public sealed class OrleansTransportConformanceTests : TransportConformance
{
    protected override Task<ITestCluster> StartClusterAsync() => OrleansTestCluster.StartAsync();
}

[Trait("Category", "Orleans")]
public sealed class OrleansMembershipConformanceTests : MembershipConformance
{
    // The death of a silo ends every incarnation that its replica may have had.
    protected override ulong LastOf(ulong incarnation) => incarnation | 0xFFFF;

    protected override Task<ITestCluster> StartClusterAsync() => OrleansTestCluster.StartAsync();
}

[Trait("Category", "Orleans")]
public sealed class OrleansNodeConformanceTests : NodeConformance
{
    protected override Task<ITestCluster> StartClusterAsync() => OrleansTestCluster.StartAsync();
}
