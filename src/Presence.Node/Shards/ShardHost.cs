using System.Collections.Concurrent;
using System.Diagnostics;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;
using Presence.Tracker;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Shards;

/// <summary>Runs a shard's commands one at a time: on the caller's thread if idle, else from a mailbox.</summary>
internal sealed partial class ShardHost : ISessionLink, IDisposable
{
    private const int MaxSpins = 20;
    private const int MaxDrainBatch = 64;

    /// <summary>
    /// Number of frames applied as one batch. Each topic then changes once per batch, which matters when a node's whole
    /// state arrives; a command that arrives meanwhile waits a few milliseconds at most.
    /// </summary>
    internal const int MaxFrameBatch = 8;

    private static readonly TimeSpan MaxDrainDuration = TimeSpan.FromMilliseconds(1);

    private readonly Lock _gate = new();
    private readonly ConcurrentQueue<QueuedCommand> _queue = new();
    private readonly int _capacity;
    private readonly EffectExecutor _output;
    private readonly ShardTimer _timer;
    private readonly TimeProvider _time;
    private readonly NodeInstruments _instruments;
    private readonly long _epoch;
    private readonly ShardHost[] _homes;

    private ShardEffects? _effects = new();
    private TaskCompletionSource? _synchronized;
    private Activity? _cause;
    private int _waiting;

    /// <param name="shard">The shard.</param>
    /// <param name="output">Executes its effects.</param>
    /// <param name="time">The clock.</param>
    /// <param name="epoch">The timestamp from which on the shards of a node count time.</param>
    /// <param name="instruments">The metrics.</param>
    /// <param name="capacity">Capacity of the mailbox.</param>
    /// <param name="homes">The hosts of <see cref="TrackerShard.Homes"/>, in order.</param>
    public ShardHost(
        TrackerShard shard, EffectExecutor output, TimeProvider time, long epoch, NodeInstruments instruments,
        int capacity, params ShardHost[] homes)
    {
        Shard = shard;
        _output = output;
        _time = time;
        _instruments = instruments;
        _capacity = capacity;
        _epoch = epoch;
        _homes = homes;
        var runDue = new ActionCommand(static (host, now, effects) => host.RunDue(now, effects));
        _timer = new ShardTimer(time, () => Post(runDue, always: true));
    }

    /// <summary>The state machine. Without the lock, only its index may be used.</summary>
    public TrackerShard Shard { get; }

    public EffectExecutor Output => _output;

    public TimeSpan Now => _time.GetElapsedTime(_epoch);

    /// <summary>
    /// Runs a command, synchronously if the shard is idle; <c>always</c> if the mailbox is full, too.
    /// </summary>
    public ValueTask<TResult> Execute<TCommand, TResult>(TCommand command, bool always = false)
        where TCommand : struct, IShardCommand<TResult>
    {
        if (IsReader || !_queue.IsEmpty || !TryEnterSpinning())
        {
            return Enqueue<TCommand, TResult>(command, always);
        }

        try
        {
            return new ValueTask<TResult>(RunLocked<TCommand, TResult>(command));
        }
        catch (Exception e)
        {
            return ValueTask.FromException<TResult>(e);
        }
        finally
        {
            _gate.Exit();
            DrainIfWaiting();
        }
    }

    /// <summary>Queues a command; returns false if the mailbox is full.</summary>
    public bool Post<TCommand>(TCommand command, bool always)
        where TCommand : struct, IShardCommand<bool>
    {
        if (!always && Volatile.Read(ref _waiting) >= _capacity)
        {
            return false;
        }

        Enqueue(new PostedCommand<TCommand>(command));
        return true;
    }

    /// <summary>Queues a received frame; returns false if the mailbox is full.</summary>
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

    /// <summary>Ends the session's presences here when it ends; at once if it has ended.</summary>
    public void AttachSession(PresenceSession session, TimeSpan now, ShardEffects effects)
    {
        if (!session.Link(this))
        {
            Shard.UntrackAll(now, session.Id, session.EndReason, effects);
        }
    }

    /// <summary>Gets the activity of the first traced change in the next delta; null if there is none.</summary>
    public Activity? Cause => _cause;

    /// <summary>
    /// Gets whether the shard shows what it reads in other shards of this node. It then runs its commands with those
    /// locked, and therefore never on the thread of a caller, which may hold another lock.
    /// </summary>
    private bool IsReader => _homes.Length > 0;

    /// <summary>Notifies handlers and subscribers of changes, in the shards where they are visible.</summary>
    public void Show(List<PresenceChange> changes)
    {
        if (!IsReader)
        {
            _output.Show(Shard, changes);
        }
        else if (_homes.Length == 1)
        {
            _homes[0].Show(changes);
        }
        else
        {
            foreach (var home in _homes)
            {
                var shown = changes.FindAll(
                    c => PresencesByTopic.ShardOf(c.Entry.Topic, home.Shard.PoolSize) == home.Shard.Shard);
                if (shown.Count > 0)
                {
                    home.Show(shown);
                }
            }
        }
    }

    public void InputFailed(Exception e) => _output.InputFailed(e);

    public void Dispose() => _timer.Dispose();

    /// <summary>Most commands take about a microsecond: spinning for as long is cheaper than a thread switch.</summary>
    private bool TryEnterSpinning()
    {
        for (var spins = 0; spins < MaxSpins; spins++)
        {
            if (TryEnter())
            {
                return true;
            }

            Thread.SpinWait(iterations: 10);
        }

        return false;
    }

    /// <summary>Also false if this thread holds the gate: commands from log or transport calls are enqueued.</summary>
    private bool TryEnter() => !_gate.IsHeldByCurrentThread && _gate.TryEnter();

    private TResult RunLocked<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult>
    {
        var effects = RentEffects();
        try
        {
            var result = command.Run(this, Now, effects);
            KeepCause(effects);
            return result;
        }
        finally
        {
            ExecuteEffects(effects);
        }
    }

    /// <summary>Keeps the activity of a change until the delta is sent that carries it.</summary>
    private void KeepCause(ShardEffects effects)
    {
        if (NodeActivities.Cause is { } cause && (Shard.NextFlush is not null || effects.Frames.Count > 0))
        {
            _cause ??= cause;
        }
    }

    /// <summary>Returns the shared buffer, or a new one if a log or transport calls back during a command.</summary>
    private ShardEffects RentEffects()
    {
        var effects = _effects ?? new ShardEffects();
        _effects = null;
        return effects;
    }

    private void ExecuteEffects(ShardEffects effects)
    {
        try
        {
            _output.Execute(this, effects);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The change is applied, so the failure is logged and not thrown to the caller.
            _output.InputFailed(e);
        }
        finally
        {
            effects.Clear();
            _effects = effects;
            if (_cause is not null && Shard.NextFlush is null)
            {
                _cause = null;
            }

            Rearm();
            if (_synchronized is not null && Shard.IsSynchronized)
            {
                _synchronized.SetResult();
                _synchronized = null;
            }
        }
    }

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

/// <summary>A frame in the mailbox; adjacent ones are applied as a batch.</summary>
internal sealed class PostedFrame(ShardFrame frame, string? traceParent) : QueuedCommand
{
    public ShardFrame Frame => frame;

    /// <summary>Gets the trace context of the sender.</summary>
    public string? TraceParent => traceParent;

    public override void Run(ShardHost host, TimeSpan now, ShardEffects effects) =>
        host.ApplyFrames(this, now, effects);

    public override void Complete()
    {
    }
}
