namespace Presence.Harness.Conformance;

/// <summary>Something a link told its receiver.</summary>
/// <param name="Kind"><c>frame</c>, <c>ask</c>, <c>joined</c> or <c>gone</c>.</param>
/// <param name="From">The member it is about.</param>
/// <param name="Frame">Of frames and questions.</param>
/// <param name="Incarnation">Of one that is gone.</param>
public sealed record Heard(string Kind, string From, LinkFrame Frame = default, ulong Incarnation = 0)
{
    public string Text => Encoding.UTF8.GetString(Frame.Body.Span);

    public override string ToString() => $"{Kind} {From} {Frame.Body.Length} B";
}

/// <summary>Frames of text.</summary>
public static class Frames
{
    public static LinkFrame Of(string text, int shard = 0) => new("presence", shard, Encoding.UTF8.GetBytes(text));
}

/// <summary>A receiver that keeps what it hears, and lets a test wait for it.</summary>
public sealed class HeardFrames : IClusterReceiver
{
    private readonly Awaited<Heard> _heard = new();

    /// <summary>Called for each frame before it is kept; may throw.</summary>
    public Action<Heard> OnFrame { get; set; } = _ => { };

    /// <summary>Answers questions.</summary>
    public Func<Heard, Task<bool>> OnAsked { get; set; } = _ => Task.FromResult(true);

    public IReadOnlyList<Heard> All => _heard.All;

    public IReadOnlyList<Heard> Frames => [.. All.Where(h => h.Kind == "frame")];

    public void Received(string from, LinkFrame frame)
    {
        var heard = new Heard("frame", from, frame);
        OnFrame(heard);
        _heard.Add(heard);
    }

    public async ValueTask<bool> AskedAsync(string from, LinkFrame frame)
    {
        var heard = new Heard("ask", from, frame);
        _heard.Add(heard);
        return await OnAsked(heard);
    }

    public void MemberJoined(string member) => _heard.Add(new Heard("joined", member));

    public void MemberGone(string member, ulong incarnation) => _heard.Add(new("gone", member, default, incarnation));

    /// <summary>Waits until something is so, looking again at everything that is heard.</summary>
    public Task UntilAsync(Func<IReadOnlyList<Heard>, bool> isSo, string what) => _heard.UntilAsync(isSo, what);

    public Task UntilAsync(string kind, string from) =>
        UntilAsync(all => all.Any(h => h.Kind == kind && h.From == from), $"{kind} {from} was heard");

    /// <summary>Completes when something of the kind was heard, now or later.</summary>
    public Task<Heard> HearsAsync(string what, Func<Heard, bool> condition) =>
        _heard.FirstAsync(condition, $"{what} was heard");
}
