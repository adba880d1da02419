using Presence.Node;

namespace Presence.Silo;

/// <summary>Members of this process alone.</summary>
internal sealed class EmbeddedEngine : Engine
{
    private readonly EmbeddedCluster _cluster = new();

    public override string Name => "embedded";

    public override void AddTo(WebApplicationBuilder builder, MemberPlace place) =>
        builder.Services.AddSingleton(_ => _cluster.CreateLink(place.Name));
}
