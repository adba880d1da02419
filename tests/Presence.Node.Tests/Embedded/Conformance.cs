namespace Presence.Node.Tests.Embedded;

[Trait("Category", "Engine.Embedded")]
public sealed class Frames_in_one_process : LinkConformance
{
    protected override Task<IEngine> StartEngineAsync() => Task.FromResult<IEngine>(new EmbeddedEngine());
}

[Trait("Category", "Engine.Embedded")]
public sealed class Membership_in_one_process : MembershipConformance
{
    protected override Task<IEngine> StartEngineAsync() => Task.FromResult<IEngine>(new EmbeddedEngine());
}

[Trait("Category", "Engine.Embedded")]
public sealed class Nodes_in_one_process : NodeConformance
{
    protected override Task<IEngine> StartEngineAsync() => Task.FromResult<IEngine>(new EmbeddedEngine());
}

internal sealed class EmbeddedEngine : LinkEngine
{
    private readonly EmbeddedCluster _cluster = new();

    public override int MostFrameBytes => 20 * 1024 * 1024;

    protected override IClusterLink CreateLink(string name) => _cluster.CreateLink(name);

    protected override Task KillAsync(IClusterLink link)
    {
        _cluster.Kill(link.NodeName);
        return Task.CompletedTask;
    }
}
