namespace Presence.Node.Tests.Support;

/// <summary>Keeps the shard of a topic busy until it is let go, with one presence of its own in the topic.</summary>
internal sealed class HeldShard : IDisposable
{
    private readonly ManualResetEventSlim _entered = new();
    private readonly ManualResetEventSlim _go = new();
    private readonly Thread _holder;

    public HeldShard(IPresenceNode node, string topic)
    {
        var process = node.StartProcess("holder");
        node.Tracker.TrackAsync(process, topic, "holder").AsTask().Wait(TestTimeout);
        // A thread of its own, so that what the pool runs can be told from what the holder runs.
        _holder = new Thread(() => ((PresenceTracker)node.Tracker).HostOf(topic).Exclusively(() =>
        {
            _entered.Set();
            return _go.Wait(TestTimeout);
        }));
        _holder.Start();
        Assert.True(_entered.Wait(TestTimeout));
    }

    public int ThreadId => _holder.ManagedThreadId;

    public void LetGo()
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
