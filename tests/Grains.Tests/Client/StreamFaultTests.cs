using System.Diagnostics;
using Orleans.TestingHost;
using Presence.Grains.Tests.Link;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>What lost, refused and stalled stream events do to the tracker above.</summary>
public abstract class StreamFaultTests(TimeSpan broadcast) : IAsyncLifetime
{
    private readonly TimeSpan _twoSamplingPeriods = broadcast * new TrackerOptions().ClockSamplePeriods * 2;
    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() =>
        _cluster = await PresenceCluster.StartAsync(3, configureNode: o => o.Tracker.BroadcastPeriod = broadcast);

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task With_every_second_stream_event_lost_all_agree_two_sampling_periods_after_the_loss_stops()
    {
        Faults(f => f.Lose = n => n % 2 == 0);
        await ChangeAsync(TimeSpan.FromSeconds(2));
        Faults(f => f.Lose = _ => false);

        var begun = Stopwatch.GetTimestamp();
        await AgreeAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, _twoSamplingPeriods);
        Assert.True(Injected() > 20, $"Only {Injected()} events were lost.");
    }

    [Fact]
    public async Task With_all_stream_events_lost_for_twice_the_down_period_nobody_living_is_held_as_down()
    {
        var leaves = _cluster.Silos.Select(WatchLeaves).ToList();
        Faults(f => f.Lose = _ => true);
        await ChangeAsync(new TrackerOptions { BroadcastPeriod = broadcast }.EffectiveDownPeriod * 2);
        Faults(f => f.Lose = _ => false);

        await AgreeAsync();
        Assert.All(leaves, l => Assert.DoesNotContain(l, c => c.Reason == LeaveReason.NodeDown));
        Assert.All(_cluster.Silos, s => Assert.All(_cluster.TrackerOf(s).Replicas(), r => Assert.Equal("up", r.Status)));
        Assert.True(Injected() > 50, $"Only {Injected()} events were lost.");
    }

    [Fact]
    public async Task With_the_queues_full_at_every_second_event_all_agree_two_sampling_periods_after_they_have_room()
    {
        Faults(f => f.Overflow = n => n % 2 == 0);
        await ChangeAsync(TimeSpan.FromSeconds(2));
        Faults(f => f.Overflow = _ => false);
        var begun = Stopwatch.GetTimestamp();
        await AgreeAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, _twoSamplingPeriods);
        Assert.True(Injected() > 0);
    }

    private int Injected() => _cluster.Silos.Sum(s => _cluster.ServiceOf<StreamFaults>(s).Injected);

    private void Faults(Action<StreamFaults> set) => _cluster.Silos.ForEach(s => set(_cluster.ServiceOf<StreamFaults>(s)));

    /// <summary>Everybody tracks and untracks for a while.</summary>
    private async Task ChangeAsync(TimeSpan duration)
    {
        var processes = _cluster.Silos.Select(s => _cluster.ServiceOf<IPresenceNode>(s).StartProcess()).ToList();
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

    /// <summary>Waits until every silo lists what each of them says of itself.</summary>
    private async Task AgreeAsync()
    {
        var truth = _cluster.Silos
            .SelectMany(s => Listed(s).Where(e => e.Owner.Node == _cluster.ServiceOf<IPresenceNode>(s).Name))
            .Select(e => e.Ref)
            .Order(StringComparer.Ordinal)
            .ToList();
        Assert.Equal(30, truth.Count);
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!_cluster.Silos.TrueForAll(s => Listed(s).Select(e => e.Ref).Order(StringComparer.Ordinal).SequenceEqual(truth)))
        {
            await timer.WaitForNextTickAsync(patience.Token);
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

/// <summary>All times are those of the defaults divided by ten.</summary>
[Trait("Category", "Engine.Orleans")]
public sealed class Stream_faults_in_a_tenth_of_the_time() : StreamFaultTests(new TrackerOptions().BroadcastPeriod / 10);

/// <summary>With default options: all events are lost for a minute.</summary>
[Trait("Category", "Engine.Orleans")]
[Trait("Category", "Soak")]
public sealed class Stream_faults_with_default_options() : StreamFaultTests(new TrackerOptions().BroadcastPeriod);
