using Presence.Tracker;

namespace Presence.Node.Tests.Support;

/// <summary>Keeps the shard of a topic busy, by an update function that waits, until it is let go.</summary>
internal sealed class HeldShard : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ManualResetEventSlim _entered = new();
    private readonly ManualResetEventSlim _go = new();
    private readonly Thread _holder;

    public HeldShard(IPresenceNode node, string topic)
    {
        var process = node.StartProcess("holder");
        node.Tracker.TrackAsync(process, topic, "holder").AsTask().Wait(Patience);
        // A thread of its own, so that what the pool runs can be told from what the holder runs.
        _holder = new Thread(() => _ = node.Tracker.UpdateAsync(process, topic, "holder", _ =>
        {
            _entered.Set();
            _go.Wait(Patience);
            return PresenceMeta.Empty;
        }).AsTask());
        _holder.Start();
        Assert.True(_entered.Wait(Patience));
    }

    public int ThreadId => _holder.ManagedThreadId;

    public void LetGo()
    {
        _go.Set();
        Assert.True(_holder.Join(Patience));
    }

    public void Dispose()
    {
        _go.Set();
        _holder.Join(Patience);
        _entered.Dispose();
        _go.Dispose();
    }
}
