using Presence.Harness.Conformance;
using Presence.Postgres.Tests.Support;

namespace Presence.Postgres.Tests.Link;

[Trait("Category", "Engine.Postgres")]
public sealed class Frames_over_postgres : LinkConformance
{
    protected override async Task<IEngine> StartEngineAsync() => new PostgresEngine(await Database.OpenAsync());
}

[Trait("Category", "Engine.Postgres")]
public sealed class Membership_over_postgres : MembershipConformance
{
    protected override async Task<IEngine> StartEngineAsync() => new PostgresEngine(await Database.OpenAsync());
}

[Trait("Category", "Engine.Postgres")]
public sealed class Nodes_over_postgres : NodeConformance
{
    protected override async Task<IEngine> StartEngineAsync() => new PostgresEngine(await Database.OpenAsync());
}
