using System.Collections.Concurrent;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>Questions that wait for their answers.</summary>
internal sealed class Asks(PacketWriter writer, Outbox outbox, LinkInstruments instruments, ulong firstNumber)
{
    private const int MostWaiting = 4096;

    /// <summary>For a caller that does not say how long it waits.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<bool>> _waiting = new();

    // Not from one: an answer that was meant for an earlier start under this name must fit none of ours.
    private ulong _last = firstNumber;

    public async ValueTask<bool> AskAsync(string member, LinkFrame frame, TimeProvider time, CancellationToken cancellation)
    {
        if (_waiting.Count >= MostWaiting)
        {
            instruments.Dropped("too_many_questions");
            return false;
        }

        var number = Interlocked.Increment(ref _last);
        var answer = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiting[number] = answer;
        outbox.PutUrgent(member, writer.Ask(number, frame));
        try
        {
            return await answer.Task.WaitAsync(Longest, time, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException)
        {
            return false;
        }
        finally
        {
            _waiting.TryRemove(number, out _);
        }
    }

    public void Answered(ulong number, bool yes)
    {
        if (_waiting.TryRemove(number, out var answer))
        {
            answer.TrySetResult(yes);
        }
    }

    /// <summary>Nobody will answer any more.</summary>
    public void End()
    {
        foreach (var number in _waiting.Keys)
        {
            Answered(number, yes: false);
        }
    }
}
