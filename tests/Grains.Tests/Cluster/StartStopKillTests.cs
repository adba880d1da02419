using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using Presence.Grains.Tests.Client;
using Presence.Node;
using Xunit.Abstractions;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Receivers that wait for data must not delay the start, stop or loss of a silo.</summary>
[Trait("Category", "Orleans")]
public abstract class StartStopKillTests(int rounds, ITestOutputHelper output)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Silos_that_are_started_stopped_and_killed_repeatedly_never_hang_and_deliver_each_time()
    {
        await using var cluster = await PresenceCluster.StartAsync(2);
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync(
            "lobby", ledger.HandleAsync, SubscriptionKind.Stream);
        var longest = new Dictionary<string, TimeSpan> { ["start"] = default, ["stop"] = default, ["kill"] = default };
        for (var i = 0; i < rounds * 2; i++)
        {
            InProcessSiloHandle silo = null!;
            await WithinAsync("start", async () => silo = await cluster.Orleans.StartAdditionalSiloAsync());
            var node = cluster.ServiceOf<IPresenceNode>(silo);
            await node.Tracker.TrackAsync(node.OpenSession(), "lobby", $"k{i}");
            await ledger.JoinedAsync($"k{i}");
            if (i % 2 == 0)
            {
                await WithinAsync("stop", () => cluster.Orleans.StopSiloAsync(silo));
            }
            else
            {
                await WithinAsync("kill", () => cluster.Orleans.KillSiloAsync(silo));
            }

            await ledger.LeftAsync($"k{i}");
        }

        ledger.AssertConsistent();
        output.WriteLine(string.Join(", ", longest.Select(l => $"longest {l.Key} {l.Value.TotalSeconds:F1} s")));

        async Task WithinAsync(string what, Func<Task> act)
        {
            var begun = Stopwatch.GetTimestamp();
            await act().WaitAsync(Bound);
            var took = Stopwatch.GetElapsedTime(begun);
            longest[what] = took > longest[what] ? took : longest[what];
        }
    }
}

/// <summary>Runs three rounds.</summary>
public sealed class StartStopKillAFewTimesTests(ITestOutputHelper output) : StartStopKillTests(rounds: 3, output);

/// <summary>Runs a hundred rounds.</summary>
[Trait("Category", "Soak")]
public sealed class StartStopKillAHundredTimesTests(ITestOutputHelper output) : StartStopKillTests(rounds: 100, output);
