using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Node;
using Presence.Node.Telemetry;

namespace Presence.Dashboard.Cluster;

/// <summary>Body of <c>GET /api/cluster</c>: the cluster as seen by one node.</summary>
internal record ClusterView(
    string Node,
    string State,
    TransportView Transport,
    string Version,
    int Entries,
    double LagMs,
    IReadOnlyList<NodeStatus> Nodes,
    IReadOnlyList<ReplicaView> Replicas,
    SessionsView? Sessions = null,
    NumbersView? Numbers = null,
    IReadOnlyList<UniqueProcessStatus>? Processes = null,
    IReadOnlyList<SlowConsumer>? Slow = null)
{
    public static JsonSerializerOptions Json { get; } =
        new(JsonSerializerDefaults.Web)
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        };

    public static ClusterView Of(
        IPresenceNode node,
        SessionsView? sessions = null,
        NumbersView? numbers = null,
        IUniqueProcessDirectory? processes = null,
        IReadOnlyList<SlowConsumer>? slow = null)
    {
        var replicas = node.Tracker.Replicas();
        var nodes = node.Nodes();
        return new ClusterView(
            node.Name,
            node.State.ToString().ToLowerInvariant(),
            new TransportView(
                node.TransportName,
                node.Transport.IsConnected ? "connected" : "disconnected",
                node.Transport.Since,
                node.Transport.LastError),
            NodeStatus.LibraryVersion,
            nodes.Where(m => m.Self).Sum(m => m.Entries) + replicas.Where(r => r.Status == "up").Sum(r => r.Entries),
            replicas.Select(r => r.Lag.TotalMilliseconds).DefaultIfEmpty(0).Max(),
            nodes,
            [.. replicas.Select(ReplicaView.Of)],
            sessions,
            numbers,
            processes?.List(),
            slow);
    }
}

/// <summary>The resumable sessions of a node, and its joins that requested to resume since it started.</summary>
internal sealed record SessionsView(
    int Attached, int Detached, int HeldLeaves, IReadOnlyDictionary<string, long> Resumes);

/// <summary>The cluster transport of a node.</summary>
internal sealed record TransportView(string Name, string State, DateTimeOffset? Since, string? LastError);

/// <summary>A <see cref="ReplicaStatus"/> in JSON, with the incarnation as text, so that no reader rounds it.</summary>
internal sealed record ReplicaView(
    string Node,
    string Incarnation,
    int Shard,
    string Status,
    ulong Clock,
    ulong MaxKnownSequence,
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
        replica.MaxKnownSequence,
        replica.Entries,
        replica.Lag.TotalMilliseconds,
        replica.SilentFor.TotalMilliseconds);
}
