namespace Presence.Harness.Conformance;

/// <summary>A call that a cluster transport made to its receiver.</summary>
/// <param name="Kind"><c>frame</c>, <c>request</c>, <c>joined</c> or <c>removed</c>.</param>
/// <param name="From">The node that it concerns.</param>
/// <param name="Frame">The frame or request.</param>
/// <param name="Incarnation">The incarnation of a removed node.</param>
public sealed record ReceivedEvent(string Kind, string From, ClusterFrame Frame = default, ulong Incarnation = 0)
{
    public string Text => Encoding.UTF8.GetString(Frame.Body.Span);

    public override string ToString() => $"{Kind} {From} {Frame.Body.Length} B";
}

/// <summary>Creates frames with text.</summary>
public static class Frames
{
    public static ClusterFrame Of(string text, int shard = 0) => new("presence", shard, Encoding.UTF8.GetBytes(text));
}

/// <summary>A receiver that records its calls; tests can wait for them.</summary>
public sealed class ReceivedFrames : IClusterTransportReceiver
{
    private readonly Awaited<ReceivedEvent> _received = new();

    /// <summary>Called for each frame before it is recorded; may throw.</summary>
    public Action<ReceivedEvent> BeforeFrame { get; set; } = _ => { };

    /// <summary>Responds to requests.</summary>
    public Func<ReceivedEvent, Task<bool>> Respond { get; set; } = _ => Task.FromResult(true);

    public IReadOnlyList<ReceivedEvent> All => _received.All;

    public IReadOnlyList<ReceivedEvent> Frames => [.. All.Where(h => h.Kind == "frame")];

    public void OnFrame(string from, ClusterFrame frame)
    {
        var received = new ReceivedEvent("frame", from, frame);
        BeforeFrame(received);
        _received.Add(received);
    }

    public async ValueTask<bool> OnRequestAsync(string from, ClusterFrame frame)
    {
        var received = new ReceivedEvent("request", from, frame);
        _received.Add(received);
        return await Respond(received);
    }

    public void OnNodeJoined(string node) => _received.Add(new ReceivedEvent("joined", node));

    public void OnNodeRemoved(string node, ulong incarnation) =>
        _received.Add(new("removed", node, default, incarnation));

    /// <summary>Waits for a condition, which is checked at every call.</summary>
    public Task UntilAsync(Func<IReadOnlyList<ReceivedEvent>, bool> isSo, string what) =>
        _received.UntilAsync(isSo, what);

    public Task UntilAsync(string kind, string from) =>
        UntilAsync(all => all.Any(h => h.Kind == kind && h.From == from), $"{kind} {from} was received");

    /// <summary>Completes with the first call that meets the condition, now or later.</summary>
    public Task<ReceivedEvent> FirstAsync(string what, Func<ReceivedEvent, bool> condition) =>
        _received.FirstAsync(condition, $"{what} was received");
}
