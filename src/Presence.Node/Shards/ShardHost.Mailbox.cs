using System.Collections.Concurrent;
using Presence.Tracker;

namespace Presence.Node;

internal sealed partial class ShardHost
{
    private const int MaxDrainBatch = 64;

    /// <summary>
    /// Number of frames applied as one batch. Each topic then changes once per batch, which matters when a node's whole
    /// state arrives; a command that arrives meanwhile waits a few milliseconds at most.
    /// </summary>
    internal const int MaxFrameBatch = 8;

    private static readonly TimeSpan MaxDrainDuration = TimeSpan.FromMilliseconds(1);

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
                $"Mailbox of shard {Shard.Shard} is full ({_capacity}, Presence:MailboxCapacity); nothing changed."));
        }

        var queued = new QueuedCommand<TCommand, TResult>(command);
        Enqueue(queued);
        return new ValueTask<TResult>(queued.Task);
    }

    public bool Post(ShardFrame frame, string? traceParent = null)
    {
        if (Volatile.Read(ref _waiting) >= _capacity)
        {
            return false;
        }

        Interlocked.Increment(ref _waiting);
        _queue.Enqueue(new PostedFrame(frame, traceParent));
        if (frame is RepairFrame)
        {
            // More follow: the receiving thread continues to read, so that they are applied as a batch.
            DrainElsewhere();
        }
        else
        {
            DrainIfWaiting();
        }

        return true;
    }

    public void ApplyFrames(PostedFrame first, TimeSpan now, ShardEffects effects)
    {
        var next = first;
        for (var left = MaxFrameBatch; next is not null; next = --left > 0 ? NextFrame() : null)
        {
            try
            {
                if (next != first)
                {
                    NodeActivities.LinkMerge(next.TraceParent);
                }

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
        // Only the holder of the gate dequeues.
        if (!_queue.TryPeek(out var next) || next is not PostedFrame || !_queue.TryDequeue(out next))
        {
            return null;
        }

        Interlocked.Decrement(ref _waiting);
        return (PostedFrame)next;
    }

    private void DrainElsewhere() =>
        ThreadPool.UnsafeQueueUserWorkItem(static host => host.DrainHere(), this, preferLocal: false);

    private void Enqueue(QueuedCommand command)
    {
        Interlocked.Increment(ref _waiting);
        _queue.Enqueue(command);
        DrainIfWaiting();
    }

    private void DrainIfWaiting()
    {
        if (!IsReader)
        {
            DrainHere();
        }
        else if (!_queue.IsEmpty)
        {
            DrainElsewhere();
        }
    }

    private void DrainHere()
    {
        // The holder of the gate checks the queue again after its release, so no command is left behind.
        Interlocked.MemoryBarrier();
        if (_queue.IsEmpty)
        {
            return;
        }

        var left = MaxDrainBatch;
        var until = Now + MaxDrainDuration;
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

    private void DrainWaitingNow()
    {
        for (var left = Volatile.Read(ref _waiting); left > 0 && RunNext(); left--)
        {
        }
    }

    private bool RunNext() => IsReader ? WithLock(_homes, RunNextLocked) : RunNextLocked();

    private bool RunNextLocked()
    {
        if (!_queue.TryDequeue(out var command))
        {
            return false;
        }

        Interlocked.Decrement(ref _waiting);
        using var scope = NodeActivities.Continue(command.Cause);
        var received = command as PostedFrame;
        using var merge = received is null ? null : NodeActivities.StartMerge(received.TraceParent);
        merge?.SetTag("presence.shard", Shard.Shard);
        var effects = RentEffects();
        try
        {
            command.Run(this, Now, effects);
            if (received is null)
            {
                KeepCause(effects);
            }

            ExecuteEffects(effects);
        }
        finally
        {
            command.Complete();
        }

        return true;
    }
}
