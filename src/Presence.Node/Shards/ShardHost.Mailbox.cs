using System.Collections.Concurrent;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>The commands that wait for a busy shard, and who runs them.</summary>
internal sealed partial class ShardHost
{
    /// <summary>Waiting commands that one caller runs for others before the thread pool takes over.</summary>
    private const int MostForOthers = 64;

    /// <summary>
    /// Frames that are taken as one input. Each topic then changes once for all of them, which matters where a member's whole state comes
    /// in; a few milliseconds at most, for a command that comes meanwhile.
    /// </summary>
    internal const int MostFramesTogether = 8;

    /// <summary>How long one caller runs commands for others; one of them more may be under way when it is over.</summary>
    private static readonly TimeSpan LongestForOthers = TimeSpan.FromMilliseconds(1);

    private readonly ConcurrentQueue<QueuedCommand> _queue = new();
    private readonly int _capacity;
    private int _waiting;

    private ValueTask<TResult> Enqueue<TCommand, TResult>(TCommand command, bool always)
        where TCommand : struct, IShardCommand<TResult>
    {
        if (!always && Volatile.Read(ref _waiting) >= _capacity)
        {
            _instruments.Overloaded();
            return ValueTask.FromException<TResult>(new PresenceOverloadException(
                $"The mailbox of shard {Shard.Shard} holds {_capacity} commands (Presence:MailboxCapacity); nothing was changed."));
        }

        var queued = new QueuedCommand<TCommand, TResult>(command);
        Enqueue(queued);
        return new ValueTask<TResult>(queued.Task);
    }

    /// <summary>Takes a frame some time soon; false if the mailbox is full.</summary>
    public bool Post(ShardFrame frame)
    {
        if (Volatile.Read(ref _waiting) >= _capacity)
        {
            return false;
        }

        Interlocked.Increment(ref _waiting);
        _queue.Enqueue(new PostedFrame(frame));
        if (frame is RepairFrame)
        {
            // More of them follow: whoever brings them goes on reading, and those that are there by then are taken together.
            DrainElsewhere();
        }
        else
        {
            DrainIfWaiting();
        }

        return true;
    }

    /// <summary>Takes a frame and those that wait right behind it.</summary>
    public void TakeFrames(PostedFrame first, TimeSpan now, ShardEffects effects)
    {
        var next = first;
        for (var left = MostFramesTogether; next is not null; next = --left > 0 ? NextFrame() : null)
        {
            try
            {
                Shard.Take(now, next.Frame, effects);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                InputFailed(e);
            }
        }

        Shard.Publish();
        _instruments.Merged(Now - now);
    }

    private PostedFrame? NextFrame()
    {
        // Only who holds the gate takes from the queue.
        if (!_queue.TryPeek(out var next) || next is not PostedFrame || !_queue.TryDequeue(out next))
        {
            return null;
        }

        Interlocked.Decrement(ref _waiting);
        return (PostedFrame)next;
    }

    private void DrainElsewhere() =>
        ThreadPool.UnsafeQueueUserWorkItem(static host => host.DrainIfWaiting(), this, preferLocal: false);

    private void Enqueue(QueuedCommand command)
    {
        Interlocked.Increment(ref _waiting);
        _queue.Enqueue(command);
        DrainIfWaiting();
    }

    private void DrainIfWaiting()
    {
        // Whoever holds the gate looks again after letting go, so a command that comes meanwhile is never left behind.
        Interlocked.MemoryBarrier();
        if (_queue.IsEmpty)
        {
            return;
        }

        var left = MostForOthers;
        var until = Now + LongestForOthers;
        while (!_queue.IsEmpty && TryEnter())
        {
            try
            {
                while (left > 0 && RunNext())
                {
                    left = Now < until ? left - 1 : 0;
                }
            }
            finally
            {
                _gate.Exit();
            }

            Interlocked.MemoryBarrier();
            if (left == 0)
            {
                if (!_queue.IsEmpty)
                {
                    DrainElsewhere();
                }

                return;
            }
        }
    }

    /// <summary>Runs what waits now, with the gate held.</summary>
    private void DrainWaitingNow()
    {
        for (var left = Volatile.Read(ref _waiting); left > 0 && RunNext(); left--)
        {
        }
    }

    private bool RunNext()
    {
        if (!_queue.TryDequeue(out var command))
        {
            return false;
        }

        Interlocked.Decrement(ref _waiting);
        var effects = TakeEffects();
        try
        {
            command.Run(this, Now, effects);
            CarryOut(effects);
        }
        finally
        {
            command.Complete();
        }

        return true;
    }
}
