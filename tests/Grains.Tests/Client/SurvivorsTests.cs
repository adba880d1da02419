using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// Two silos receive each other's changes every 10 ms while a third is killed or stopped, and another joins in its
/// place. Acceptance: no pause above 1 s, no live silo is marked down.
/// </summary>
[Trait("Category", "Orleans")]
public class SurvivorsTests(Xunit.Abstractions.ITestOutputHelper output)
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    // A second, counted in changes: a stall of the whole machine also delays who makes them.
    private const int MaxPause = 100;

    [Fact]
    public Task Delivery_between_survivors_continues_during_two_kills_and_two_stops() => TurnsAsync(4);

    [Fact]
    [Trait("Category", "Soak")]
    public Task Delivery_between_survivors_continues_during_twenty_kills_and_twenty_stops() => TurnsAsync(40);

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
            await Task.WhenAll(there.ReceivesMoreAsync(20), back.ReceivesMoreAsync(20));
            third = await cluster.Orleans.StartAdditionalSiloAsync();
            await cluster.ListsAsync(third, "traffic", "tick 0", "tick 1");
            await Task.WhenAll(there.ReceivesMoreAsync(20), back.ReceivesMoreAsync(20));
        }

        output.WriteLine(
            $"{turns} turns, longest pause {there.Longest} and {back.Longest} changes, "
            + $"{there.Received} and {back.Received} changes received");
        Assert.Empty(there.Downs);
        Assert.Empty(back.Downs);
        Assert.InRange(there.Longest, 0, MaxPause);
        Assert.InRange(back.Longest, 0, MaxPause);
    }

    /// <summary>Makes a change on one silo every 10 ms, which a handler on another receives.</summary>
    private sealed class Traffic : IPresenceHandler, IAsyncDisposable
    {
        private static int s_number;
        private readonly CancellationTokenSource _stop = new();
        private readonly SemaphoreSlim _more = new(0);
        private readonly string _key;
        private readonly string _from;
        private readonly PresenceSession _session;
        private IAsyncDisposable? _handling;
        private Task _changing = Task.CompletedTask;
        private int _made;
        private int _madeAtLast;

        private Traffic(string from, PresenceSession session)
        {
            _key = $"tick {Interlocked.Increment(ref s_number) % 2}";
            _from = from;
            _session = session;
        }

        /// <summary>The most changes that were made while none was received.</summary>
        public int Longest { get; private set; }

        public long Received { get; private set; }

        public ConcurrentQueue<string> Downs { get; } = new();

        public static async Task<Traffic> StartAsync(
            PresenceCluster cluster, InProcessSiloHandle from, InProcessSiloHandle to)
        {
            var node = cluster.ServiceOf<IPresenceNode>(from);
            var traffic = new Traffic(node.Name, node.OpenSession("traffic"));
            traffic._handling = await cluster.TrackerOf(to).AddHandlerAsync(traffic);
            await node.Tracker.TrackAsync(traffic._session, "traffic", traffic._key);
            traffic._changing = Task.Run(() => traffic.ChangeAsync(node.Tracker));
            await traffic.ReceivesMoreAsync(20);
            traffic.Longest = 0;
            return traffic;
        }

        public async Task ReceivesMoreAsync(int changes)
        {
            for (var i = 0; i < changes; i++)
            {
                Assert.True(await _more.WaitAsync(TimeSpan.FromSeconds(60)), "No more changes arrive.");
            }
        }

        public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
        {
            foreach (var change in diff.Topics.SelectMany(t => t.Changes).Where(c => c.Entry.Owner.Node == _from))
            {
                if (change.Kind == PresenceChangeKind.Left)
                {
                    Downs.Enqueue($"{_from} was marked as left: {change.Reason}");
                    continue;
                }

                var made = Volatile.Read(ref _made);
                Longest = Math.Max(Longest, made - _madeAtLast);
                _madeAtLast = made;
                Received++;
                _more.Release();
            }

            return default;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _changing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await _handling!.DisposeAsync();
            _session.End();
        }

        private async Task ChangeAsync(IPresenceTracker tracker)
        {
            using var timer = new PeriodicTimer(Period);
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                var i = Interlocked.Increment(ref _made);
                await tracker.UpdateAsync(_session, "traffic", _key, PresenceMeta.Parse($$"""{"i":{{i}}}"""));
            }
        }
    }
}
