using Presence.Node;
using Xunit;

namespace Presence.Harness.Conformance;

/// <summary>Something a link told its receiver.</summary>
/// <param name="Kind"><c>frame</c>, <c>ask</c>, <c>joined</c> or <c>gone</c>.</param>
/// <param name="From">The member it is about.</param>
/// <param name="Frame">Of frames and questions.</param>
/// <param name="Incarnation">Of one that is gone.</param>
public sealed record Heard(string Kind, string From, LinkFrame Frame = default, ulong Incarnation = 0);

/// <summary>A receiver that keeps what it hears, and lets a test wait for it.</summary>
public sealed class HeardFrames : IClusterReceiver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly List<Heard> _heard = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Called for each frame before it is kept; may throw.</summary>
    public Action<LinkFrame> OnFrame { get; set; } = _ => { };

    /// <summary>Answers questions.</summary>
    public Func<LinkFrame, Task<bool>> OnAsked { get; set; } = _ => Task.FromResult(true);

    public IReadOnlyList<Heard> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _heard];
            }
        }
    }

    public IReadOnlyList<Heard> Frames => [.. All.Where(h => h.Kind == "frame")];

    public void Received(string from, LinkFrame frame)
    {
        OnFrame(frame);
        Keep(new Heard("frame", from, frame));
    }

    public async ValueTask<bool> AskedAsync(string from, LinkFrame frame)
    {
        Keep(new Heard("ask", from, frame));
        return await OnAsked(frame);
    }

    public void MemberJoined(string member) => Keep(new Heard("joined", member));

    public void MemberGone(string member, ulong incarnation) => Keep(new Heard("gone", member, default, incarnation));

    /// <summary>Waits until something is so, looking again at everything that is heard.</summary>
    public async Task UntilAsync(Func<IReadOnlyList<Heard>, bool> isSo, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (isSo(_heard))
                {
                    return;
                }

                more = _more.Task;
            }

            try
            {
                await more.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"In {Patience} it was not heard that {what}; heard: "
                    + string.Join(", ", All.TakeLast(20).Select(h => $"{h.Kind} {h.From} {h.Frame.Body.Length} B")));
            }
        }
    }

    public Task UntilAsync(string kind, string from) =>
        UntilAsync(all => all.Any(h => h.Kind == kind && h.From == from), $"{kind} {from}");

    private void Keep(Heard heard)
    {
        lock (_gate)
        {
            _heard.Add(heard);
            _more.TrySetResult();
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
