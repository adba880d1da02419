using System.Runtime.CompilerServices;
using Presence.Node.Tests.Support;
using Presence.Tracker;

namespace Presence.Node.Tests.Shards;

/// <summary>What is refused inside a callback, so that nobody waits for ever, is refused whole and can be tried again.</summary>
public sealed class Callbacks_that_want_each_other
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task Pub_sub_and_shard_callbacks_that_want_each_other_do_not_wait_for_ever()
    {
        await using var cluster = await TestCluster.OfAsync(1, time: new ManualTime());
        var node = cluster[0];
        var process = node.StartProcess();
        using var both = new Barrier(2);
        node.PubSub.Subscribe("p", _ =>
        {
            both.SignalAndWait(Patience);
            node.Tracker.Subscribe("t", _ => { });
        });
        node.Tracker.Subscribe("t", _ =>
        {
            both.SignalAndWait(Patience);
            node.PubSub.BroadcastLocal(new PubSubMessage("q", "e", default));
        });
        var sent = Task.Factory.StartNew(
            () => node.PubSub.Broadcast(new PubSubMessage("p", "e", default)), TaskCreationOptions.LongRunning);
        var tracked = Task.Factory.StartNew(
            () => _ = node.Tracker.TrackAsync(process, "t", "k").AsTask(), TaskCreationOptions.LongRunning);
        await Task.WhenAll(sent, tracked).WaitAsync(Patience);
        Assert.Equal(1, node.Tracker.Count("t"));
    }

    [Fact]
    public async Task A_subscription_whose_end_was_refused_can_be_ended_again()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new ManualTime());
        var tracker = cluster.Tracker(0);
        var process = cluster[0].StartProcess();
        var told = 0;
        var inner = tracker.Subscribe(TopicOf(tracker, 1), _ => told++);
        using var held = new HeldShard(cluster[0], TopicOf(tracker, 1));
        var refused = false;
        using var outer = tracker.Subscribe(TopicOf(tracker, 0), _ =>
        {
            try
            {
                inner.Dispose();
            }
            catch (InvalidOperationException)
            {
                refused = true;
            }
        });
        await tracker.TrackAsync(process, TopicOf(tracker, 0), "k");
        Assert.True(refused);
        held.LetGo();
        inner.Dispose();
        told = 0;
        await tracker.TrackAsync(process, TopicOf(tracker, 1), "k");
        Assert.Equal(0, told);
    }

    [Fact]
    public async Task A_handler_whose_adding_was_refused_is_let_go_by_all_shards()
    {
        await using var cluster = await TestCluster.OfAsync(1, o => o.Tracker.PoolSize = 8, new ManualTime());
        var tracker = cluster.Tracker(0);
        var process = cluster[0].StartProcess();
        using var held = new HeldShard(cluster[0], TopicOf(tracker, 7));
        Exception? refused = null;
        WeakReference? handler = null;
        using var outer = tracker.Subscribe(TopicOf(tracker, 0), _ => handler ??= Add(tracker, e => refused = e));
        await tracker.TrackAsync(process, TopicOf(tracker, 0), "k");
        Assert.IsType<InvalidOperationException>(refused);
        held.LetGo();
        for (var i = 0; i < 5; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.False(handler!.IsAlive, "a shard still holds it");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Add(IPresenceTracker tracker, Action<Exception> refused)
    {
        var handler = new Told(_ => { });
        var added = tracker.AddHandlerAsync(handler).AsTask();
        if (added.Exception is { InnerException: { } e })
        {
            refused(e);
        }

        return new WeakReference(handler);
    }

    private static string TopicOf(IPresenceTracker tracker, int shard) =>
        Enumerable.Range(0, 1000).Select(i => $"x{i}").First(topic => tracker.ShardOf(topic) == shard);
}
