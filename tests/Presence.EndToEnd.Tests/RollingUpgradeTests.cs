using System.Reflection;
using System.Text.RegularExpressions;
using Presence.Harness.Networks;
using Presence.Node;

namespace Presence.EndToEnd.Tests;

/// <summary>
/// Silos of the previous version (<c>build/previous.sh</c>) and of this one in one cluster, with stock clients that
/// resume their sessions.
/// </summary>
public sealed partial class RollingUpgradeTests
{
    private static readonly string Version = typeof(IPresenceNode).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static readonly Dictionary<string, string> Settings = new()
    {
        ["Presence:Sessions:Grace"] = "20s",
        ["Presence:Metrics"] = "true",
    };

    [SkippableTheory]
    [Trait("Category", "Postgres")]
    [InlineData("upgrade")]
    [InlineData("rollback")]
    public async Task Nobody_sees_clients_of_three_silos_leave_in_a_rolling(string change)
    {
        NodeScripts.Require();
        var isUpgrade = change == "upgrade";
        var previous = HostFiles.RequirePrevious();
        await using var cluster = await NodeCluster.CreateAsync(Settings);
        cluster.Host = isUpgrade ? previous : HostFiles.Current;
        var replaced = await cluster.GrowToAsync(3);
        cluster.Host = isUpgrade ? HostFiles.Current : previous;
        // A silo of the other version, on which all changes are observed from the first replacement to the last.
        var observer = (await cluster.GrowToAsync(4))[^1];
        await using var balancer = new Balancer(() => cluster.Living.Where(node => node != observer));
        var rejected = new List<string>();
        RoomClient? finished = null;
        await NodeScripts.RunAsync(
            "sessions.mjs",
            [Authority(balancer.Address), Authority(observer.Address), "60", "6"],
            async () =>
            {
                Assert.Equal(isUpgrade ? 1 : 3, (await VersionsAsync(observer)).Count(version => version == Version));
                foreach (var node in replaced)
                {
                    rejected.AddRange(await RejectedFramesAsync(node));
                    await node.TerminateAsync();
                    await cluster.StartAgainAsync(node);
                }

                finished = await RoomClient.JoinAsync(observer, "room:done", "done", cluster.History);
            });

        foreach (var node in cluster.Living)
        {
            rejected.AddRange(await RejectedFramesAsync(node));
        }

        Assert.True(rejected.Count == 0, string.Join(Environment.NewLine, rejected));
        await finished!.DisposeAsync();
        Assert.Equal(isUpgrade ? 4 : 0, (await VersionsAsync(observer)).Count(version => version == Version));
    }

    /// <summary>Returns the version of each node that a node sees; null where it is not known.</summary>
    private static async Task<IEnumerable<string?>> VersionsAsync(NodeProcess node)
    {
        var cluster = JsonDocument.Parse(await node.ReadAsync("api/cluster")).RootElement;
        return cluster.GetProperty("nodes").EnumerateArray()
            .Select(seen => seen.TryGetProperty("version", out var version) ? version.GetString() : null);
    }

    /// <summary>Returns the counters of frames that a node could not read or apply, as the node shows them.</summary>
    private static async Task<IEnumerable<string>> RejectedFramesAsync(NodeProcess node)
    {
        var metrics = await node.ReadAsync("metrics");
        Assert.Contains("presence_replication_messages", metrics, StringComparison.Ordinal);
        return metrics.Split('\n').Where(line => Rejected().IsMatch(line)).Select(line => $"{node.Name}: {line}");
    }

    private static string Authority(Uri address) => address.GetLeftPart(UriPartial.Authority);

    // Frames of a replica that has ended, and of a queue that is full, are lost in any cluster and repaired.
    [GeneratedRegex(
        "^presence_frames_dropped.*reason=.(undecodable|malformed|rejected|forged_sender|receiver_failed|unknown_a)")]
    private static partial Regex Rejected();
}
