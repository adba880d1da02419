using System.Globalization;
using System.Reflection;
using System.Text.Json;
using Presence.Node;

namespace Presence.Dashboard;

/// <summary>The body of <c>GET /api/cluster</c>: the cluster as one member sees it.</summary>
/// <param name="Node">The member that answers.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="Engine">What carries frames between members.</param>
/// <param name="Link">Whether it reaches that.</param>
/// <param name="Version">Version of the library that answers.</param>
/// <param name="Entries">Presences it shows, of all members.</param>
/// <param name="LagMs">The largest lag of any replica, in milliseconds.</param>
/// <param name="Members">The members it knows.</param>
/// <param name="Replicas">The replicas it holds of other members, per member and shard.</param>
internal record ClusterView(
    string Node,
    string State,
    string Engine,
    LinkView Link,
    string Version,
    int Entries,
    double LagMs,
    IReadOnlyList<MemberStatus> Members,
    IReadOnlyList<ReplicaView> Replicas)
{
    public static JsonSerializerOptions Json { get; } =
        new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private static readonly string LibraryVersion =
        typeof(ClusterView).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            .Split('+')[0] ?? "unknown";

    public static ClusterView Of(IPresenceNode node)
    {
        var replicas = node.Tracker.Replicas();
        var members = node.Members();
        return new ClusterView(
            node.Name,
            node.State.ToString().ToLowerInvariant(),
            node.Engine,
            new LinkView(node.Link.IsConnected ? "connected" : "away", node.Link.Since, node.Link.Problem),
            LibraryVersion,
            members.Where(m => m.Self).Sum(m => m.Entries) + replicas.Where(r => r.Status == "up").Sum(r => r.Entries),
            replicas.Select(r => r.Lag.TotalMilliseconds).DefaultIfEmpty(0).Max(),
            members,
            [.. replicas.Select(ReplicaView.Of)]);
    }
}

/// <summary>Whether a member reaches its engine.</summary>
/// <param name="State"><c>connected</c>, or <c>away</c> while it serves what it has and tracks its own.</param>
/// <param name="Since">When that began; null if it was never otherwise.</param>
/// <param name="Problem">Why it is away.</param>
internal sealed record LinkView(string State, DateTimeOffset? Since, string? Problem);

/// <summary>One replica, as <see cref="ReplicaStatus"/> in JSON: the incarnation as text, which no reader rounds.</summary>
internal sealed record ReplicaView(
    string Node,
    string Incarnation,
    int Shard,
    string Status,
    ulong Clock,
    ulong Advertised,
    int Entries,
    double LagMs,
    double SilentMs)
{
    public static ReplicaView Of(ReplicaStatus replica) => new(
        replica.Node,
        replica.Incarnation.ToString(CultureInfo.InvariantCulture),
        replica.Shard,
        replica.Status,
        replica.Clock,
        replica.Advertised,
        replica.Entries,
        replica.Lag.TotalMilliseconds,
        replica.SilentFor.TotalMilliseconds);
}
