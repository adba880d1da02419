using System.Diagnostics;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Benchmarks.Subjects;

/// <summary>Members of one cluster on the embedded engine.</summary>
internal sealed class Members : IAsyncDisposable
{
    private readonly List<IPresenceNode> _nodes = [];

    public IPresenceNode this[int index] => _nodes[index];

    public static Task<Members> StartAsync(int count, Action<TrackerOptions>? configure = null)
    {
        _ = (count, configure);
        throw new NotSupportedException("The node is not there yet.");
    }

    public Task<IPresenceNode> AddAsync() => throw new NotSupportedException("The node is not there yet.");

    /// <summary>Presences a member holds, of everybody.</summary>
    public static int Entries(IPresenceTracker tracker) => tracker.Replicas().Sum(replica => replica.Entries);

    /// <summary>Waits until something holds.</summary>
    public async Task UntilAsync(Func<bool> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            if (waited.Elapsed > TimeSpan.FromMinutes(2))
            {
                throw new TimeoutException($"In 2 min it was not reached that {what}.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(_nodes.Count));
        }
    }

    public ValueTask DisposeAsync() => default;
}
