using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.TestingHost;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// Two silos go on changing and watching each other's changes every 10 ms while a third is killed or stopped and another
/// comes in its place. Acceptance: no pause above 1 s, no living silo held as down.
/// </summary>
[Trait("Category", "Engine.Orleans")]
public class SurvivorsTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    [Fact]
    public Task Two_kills_and_two_stops_do_not_pause_delivery_between_the_survivors() => TurnsAsync(4);

    [Fact]
    [Trait("Category", "Soak")]
    public Task Twenty_kills_and_twenty_stops_in_turn_do_not_pause_delivery_between_the_survivors() => TurnsAsync(40);

    private async Task TurnsAsync(int turns)
    {
        await using var cluster = await PresenceCluster.StartAsync(3);
        var survivors = cluster.Silos.Take(2).ToList();
        var third = cluster.Silos[2];
        await using var there = await Traffic.StartAsync(cluster, survivors[0], survivors[1]);
        await using var back = await Traffic.StartAsync(cluster, survivors[1], survivors[0]);
        for (var turn = 0; turn < turns; turn++)
        {
            await (turn % 2 == 0 ? cluster.Orleans.KillSiloAsync(third) : cluster.Orleans.StopSiloAsync(third));
            await Task.WhenAll(there.HearsMoreAsync(20), back.HearsMoreAsync(20));
            third = await cluster.Orleans.StartAdditionalSiloAsync();
            await cluster.ListsAsync(third, "traffic", "tick 0", "tick 1");
            await Task.WhenAll(there.HearsMoreAsync(20), back.HearsMoreAsync(20));
        }

        output.WriteLine($"{turns} turns, longest pause {there.Longest.TotalMilliseconds:F0} and {back.Longest.TotalMilliseconds:F0} ms, "
            + $"{there.Heard} and {back.Heard} changes heard");
        Assert.Empty(there.Downs);
        Assert.Empty(back.Downs);
        Assert.InRange(there.Longest, TimeSpan.Zero, LongestPause);
        Assert.InRange(back.Longest, TimeSpan.Zero, LongestPause);
    }

    /// <summary>Changes made on one silo every 10 ms, and when a handler on another heard them.</summary>
    private sealed class Traffic : IPresenceHandler, IAsyncDisposable
    {
        private static int s_number;
        private readonly CancellationTokenSource _stop = new();
        private readonly SemaphoreSlim _more = new(0);
        private readonly string _key;
        private readonly string _from;
        private readonly PresenceProcess _process;
        private IAsyncDisposable? _handling;
        private Task _changing = Task.CompletedTask;
        private long _last;

        private Traffic(string from, PresenceProcess process)
        {
            _key = $"tick {Interlocked.Increment(ref s_number) % 2}";
            _from = from;
            _process = process;
        }

        public TimeSpan Longest { get; private set; }

        public long Heard { get; private set; }

        public ConcurrentQueue<string> Downs { get; } = new();

        public static async Task<Traffic> StartAsync(PresenceCluster cluster, InProcessSiloHandle from, InProcessSiloHandle to)
        {
            var node = cluster.ServiceOf<IPresenceNode>(from);
            var traffic = new Traffic(node.Name, node.StartProcess("traffic"));
            traffic._handling = await cluster.TrackerOf(to).AddHandlerAsync(traffic);
            await node.Tracker.TrackAsync(traffic._process, "traffic", traffic._key);
            traffic._changing = Task.Run(() => traffic.ChangeAsync(node.Tracker));
            await traffic.HearsMoreAsync(20);
            traffic.Longest = TimeSpan.Zero;
            return traffic;
        }

        public async Task HearsMoreAsync(int changes)
        {
            for (var i = 0; i < changes; i++)
            {
                Assert.True(await _more.WaitAsync(TimeSpan.FromSeconds(60)), "Nothing is heard any more.");
            }
        }

        public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
        {
            foreach (var change in diff.Topics.SelectMany(t => t.Changes).Where(c => c.Entry.Owner.Node == _from))
            {
                if (change.Kind == PresenceChangeKind.Left)
                {
                    Downs.Enqueue($"{_from} was held as gone: {change.Reason}");
                    continue;
                }

                var now = Stopwatch.GetTimestamp();
                var pause = _last == 0 ? TimeSpan.Zero : Stopwatch.GetElapsedTime(_last, now);
                _last = now;
                Longest = pause > Longest ? pause : Longest;
                Heard++;
                _more.Release();
            }

            return default;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _changing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _handling!.DisposeAsync();
            _process.End();
        }

        private async Task ChangeAsync(IPresenceTracker tracker)
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
            for (var i = 0; await timer.WaitForNextTickAsync(_stop.Token); i++)
            {
                await tracker.UpdateAsync(_process, "traffic", _key, PresenceMeta.Parse($$"""{"i":{{i}}}"""));
            }
        }
    }
}
