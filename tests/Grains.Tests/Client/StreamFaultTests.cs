using System.Diagnostics;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Client;

/// <summary>Effects of lost, rejected and stalled stream events on the tracker.</summary>
public abstract class StreamFaultTests(TimeSpan broadcast) : IAsyncLifetime
{
    // Two sampling periods lie between the first heartbeat and the third. Counted, because timers of a busy machine
    // fire late.
    private const int HeartbeatsOfTwoSamplingPeriods = 3;

    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() =>
        _cluster = await PresenceCluster.StartAsync(3, configureNode: o => o.Tracker.BroadcastPeriod = broadcast);

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Silos_agree_two_sampling_periods_after_a_loss_of_every_second_stream_event()
    {
        Faults(f => f.Lose = n => n % 2 == 0);
        await ChangeAsync(TimeSpan.FromSeconds(2));
        Faults(f => f.Lose = _ => false);
        Assert.InRange(await HeartbeatsUntilAgreementAsync(), 0, HeartbeatsOfTwoSamplingPeriods);
        Assert.True(Injected() > 20, $"Only {Injected()} events were lost.");
    }

    [Fact]
    public async Task Live_nodes_are_not_marked_down_when_all_stream_events_are_lost_for_twice_the_down_period()
    {
        var leaves = _cluster.Silos.Select(WatchLeaves).ToList();
        Faults(f => f.Lose = _ => true);
        await ChangeAsync(new TrackerOptions { BroadcastPeriod = broadcast }.EffectiveDownPeriod * 2);
        Faults(f => f.Lose = _ => false);

        await AgreeAsync();
        Assert.All(leaves, l => Assert.DoesNotContain(l, c => c.Reason == LeaveReason.NodeDown));
        Assert.All(
            _cluster.Silos, s => Assert.All(_cluster.TrackerOf(s).Replicas(), r => Assert.Equal("up", r.Status)));
        Assert.True(Injected() > 50, $"Only {Injected()} events were lost.");
    }

    [Fact]
    public async Task Silos_agree_two_sampling_periods_after_queues_rejected_every_second_event()
    {
        Faults(f => f.Overflow = n => n % 2 == 0);
        await ChangeAsync(TimeSpan.FromSeconds(2));
        Faults(f => f.Overflow = _ => false);
        Assert.InRange(await HeartbeatsUntilAgreementAsync(), 0, HeartbeatsOfTwoSamplingPeriods);
        Assert.True(Injected() > 0);
    }

    private int Injected() => _cluster.Silos.Sum(s => _cluster.ServiceOf<StreamFaults>(s).Injected);

    private void Faults(Action<StreamFaults> set) =>
        _cluster.Silos.ForEach(s => set(_cluster.ServiceOf<StreamFaults>(s)));

    /// <summary>Tracks and untracks on every silo for a while.</summary>
    private async Task ChangeAsync(TimeSpan duration)
    {
        var processes = _cluster.Silos.Select(s => _cluster.ServiceOf<IPresenceNode>(s).OpenSession()).ToList();
        var begun = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        for (var i = 0; Stopwatch.GetElapsedTime(begun) < duration && await timer.WaitForNextTickAsync(); i++)
        {
            for (var s = 0; s < processes.Count; s++)
            {
                var tracker = _cluster.TrackerOf(_cluster.Silos[s]);
                await tracker.TrackAsync(processes[s], "lobby", $"s{s} k{i}");
                await tracker.UntrackAsync(processes[s], "lobby", $"s{s} k{i - 10}");
            }
        }
    }

    /// <summary>Returns the most heartbeats that a shard received from a node before all silos agreed.</summary>
    private async Task<int> HeartbeatsUntilAgreementAsync()
    {
        Faults(f => f.Heartbeats = new());
        await AgreeAsync();
        return _cluster.Silos.SelectMany(s => _cluster.ServiceOf<StreamFaults>(s).Heartbeats!.Values).Append(0).Max();
    }

    /// <summary>Waits until every silo lists what each of them lists of itself.</summary>
    private async Task AgreeAsync()
    {
        var truth = _cluster.Silos
            .SelectMany(s => Listed(s).Where(e => e.Owner.Node == _cluster.ServiceOf<IPresenceNode>(s).Name))
            .Select(e => e.Ref)
            .Order(StringComparer.Ordinal)
            .ToList();
        Assert.Equal(30, truth.Count);
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!_cluster.Silos.TrueForAll(
            s => Listed(s).Select(e => e.Ref).Order(StringComparer.Ordinal).SequenceEqual(truth)))
        {
            await timer.WaitForNextTickAsync(timeout.Token);
        }
    }

    private TopicSnapshot Listed(InProcessSiloHandle silo) => _cluster.TrackerOf(silo).List("lobby");

    private System.Collections.Concurrent.ConcurrentQueue<PresenceChange> WatchLeaves(InProcessSiloHandle silo)
    {
        var leaves = new System.Collections.Concurrent.ConcurrentQueue<PresenceChange>();
        _cluster.TrackerOf(silo).Subscribe("lobby", diff =>
        {
            foreach (var change in diff.Changes.Where(c => c.Kind == PresenceChangeKind.Left))
            {
                leaves.Enqueue(change);
            }
        });
        return leaves;
    }
}

/// <summary>Runs with the default times divided by ten.</summary>
[Trait("Category", "Orleans")]
public sealed class ScaledStreamFaultTests() : StreamFaultTests(new TrackerOptions().BroadcastPeriod / 10);

/// <summary>Runs with the default times: all events are lost for a minute.</summary>
[Trait("Category", "Orleans")]
[Trait("Category", "Soak")]
public sealed class DefaultStreamFaultTests() : StreamFaultTests(new TrackerOptions().BroadcastPeriod);
