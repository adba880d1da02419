using Presence.Node.Trackers;

namespace Presence.Node.Tests.Support;

/// <summary>Keeps the shard of a topic locked until its release, with one presence in the topic.</summary>
internal sealed class HeldShard : IDisposable
{
    private readonly ManualResetEventSlim _entered = new();
    private readonly ManualResetEventSlim _go = new();
    private readonly Thread _holder;

    public HeldShard(IPresenceNode node, string topic)
    {
        var session = node.OpenSession("holder");
        node.Tracker.TrackAsync(session, topic, "holder").AsTask().Wait(TestTimeout);
        // A separate thread, to distinguish commands run by the pool from those run by the holder.
        _holder = new Thread(() => ((PresenceTracker)node.Tracker).HostOf(topic).WithLock(() =>
        {
            _entered.Set();
            return _go.Wait(TestTimeout);
        }));
        _holder.Start();
        Assert.True(_entered.Wait(TestTimeout));
    }

    public int ThreadId => _holder.ManagedThreadId;

    public void Release()
    {
        _go.Set();
        Assert.True(_holder.Join(TestTimeout));
    }

    public void Dispose()
    {
        _go.Set();
        _holder.Join(TestTimeout);
        _entered.Dispose();
        _go.Dispose();
    }
}
