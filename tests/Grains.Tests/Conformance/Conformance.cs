namespace Presence.Grains.Tests.Conformance;

[Trait("Category", "Engine.Orleans")]
public sealed class Frames_over_orleans : LinkConformance
{
    protected override Task<IEngine> StartEngineAsync() => OrleansEngineUnderTest.StartAsync();
}

[Trait("Category", "Engine.Orleans")]
public sealed class Membership_over_orleans : MembershipConformance
{
    // A silo's death takes all incarnations that a replica may have gone through in one life of it.
    protected override ulong LastOf(ulong incarnation) => incarnation | 0xFFFF;

    protected override Task<IEngine> StartEngineAsync() => OrleansEngineUnderTest.StartAsync();
}

[Trait("Category", "Engine.Orleans")]
public sealed class Nodes_over_orleans : NodeConformance
{
    protected override Task<IEngine> StartEngineAsync() => OrleansEngineUnderTest.StartAsync();
}
