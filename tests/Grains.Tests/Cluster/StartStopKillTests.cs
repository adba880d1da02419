using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using Presence.Grains.Tests.Client;
using Presence.Node;
using Xunit.Abstractions;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Receivers that wait for data must not hold up the start, the stop or the loss of a silo.</summary>
[Trait("Category", "Engine.Orleans")]
public abstract class StartStopKillTests(int rounds, ITestOutputHelper output)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Silos_that_start_stop_and_are_killed_again_and_again_never_hang_and_deliver_each_time()
    {
        await using var cluster = await PresenceCluster.StartAsync(2);
        var ledger = new Ledger();
        await using var watch = await cluster.Client.FollowAsync("lobby", ledger.TakeAsync);
        var longest = new Dictionary<string, TimeSpan> { ["start"] = default, ["stop"] = default, ["kill"] = default };
        for (var i = 0; i < rounds * 2; i++)
        {
            InProcessSiloHandle silo = null!;
            await WithinAsync("start", async () => silo = await cluster.Orleans.StartAdditionalSiloAsync());
            var node = cluster.ServiceOf<IPresenceNode>(silo);
            await node.Tracker.TrackAsync(node.StartProcess(), "lobby", $"k{i}");
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

        ledger.AssertTrue();
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

/// <summary>A few times.</summary>
public sealed class StartStopKillAFewTimesTests(ITestOutputHelper output) : StartStopKillTests(rounds: 3, output);

/// <summary>A hundred starts for a hundred stops and a hundred kills.</summary>
[Trait("Category", "Soak")]
public sealed class StartStopKillAHundredTimesTests(ITestOutputHelper output) : StartStopKillTests(rounds: 100, output);
