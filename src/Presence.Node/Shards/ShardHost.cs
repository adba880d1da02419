using System.Collections.Concurrent;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>
/// Runs one shard: one input at a time, on the caller's thread when the shard is idle, else from a bounded mailbox.
/// </summary>
internal sealed class ShardHost : IProcessLink, IDisposable
{
    /// <summary>Waiting commands that one caller runs for others before the thread pool takes over.</summary>
    private const int MostForOthers = 64;

    private readonly Lock _gate = new();
    private readonly ConcurrentQueue<QueuedCommand> _queue = new();
    private readonly ShardEffects _effects = new();
    private readonly ShardOutput _output;
    private readonly ShardTimer _timer;
    private readonly TimeProvider _time;
    private readonly NodeInstruments _instruments;
    private readonly long _epoch;
    private readonly int _capacity;
    private int _waiting;
    private bool _isBusy;

    public ShardHost(TrackerShard shard, ShardOutput output, TimeProvider time, NodeInstruments instruments, int capacity)
    {
        Shard = shard;
        _output = output;
        _time = time;
        _instruments = instruments;
        _capacity = capacity;
        _epoch = time.GetTimestamp();
        _timer = new ShardTimer(time, () => Post(new ActionCommand(static (host, now, effects) => host.RunDue(now, effects)), always: true));
    }

    /// <summary>The machine. Only its index may be used outside of an input.</summary>
    public TrackerShard Shard { get; }

    /// <summary>Who hears its changes; used inside of an input alone.</summary>
    public ShardOutput Output => _output;

    /// <summary>The host's monotonic clock.</summary>
    public TimeSpan Now => _time.GetElapsedTime(_epoch);

    /// <summary>Applies a command; completes synchronously if the shard is idle.</summary>
    public ValueTask<TResult> Execute<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult>
    {
        if (!_queue.IsEmpty || !_gate.TryEnter())
        {
            return Enqueue<TCommand, TResult>(command);
        }

        if (_isBusy)
        {
            // A callback of this very input: it waits for its turn like everybody else.
            _gate.Exit();
            return Enqueue<TCommand, TResult>(command);
        }

        try
        {
            return new ValueTask<TResult>(RunAlone<TCommand, TResult>(command));
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

    /// <summary>Applies a command some time soon; false if the mailbox is full.</summary>
    public bool Post<TCommand>(TCommand command, bool always)
        where TCommand : struct, IShardCommand<bool>
    {
        if (!always && Volatile.Read(ref _waiting) >= _capacity)
        {
            return false;
        }

        Enqueue(new QueuedCommand<TCommand, bool>(command, isAwaited: false));
        return true;
    }

    /// <summary>Runs an action that no input interleaves with, and waits for it.</summary>
    public void Exclusively(Action<TimeSpan, ShardEffects> action)
    {
        lock (_gate)
        {
            if (_isBusy)
            {
                // Inside a callback of this shard: its index is published, its effects are being told in order.
                var effects = new ShardEffects();
                action(Now, effects);
                return;
            }

            RunAlone<ActionCommand, bool>(new ActionCommand((_, now, effects) => action(now, effects)));
        }

        DrainIfWaiting();
    }

    /// <summary>Enters several shards at once, in order of their numbers, for what must happen in all or in none.</summary>
    public static T Exclusively<T>(ReadOnlySpan<ShardHost> hosts, Func<T> action)
    {
        if (hosts.Length == 0)
        {
            return action();
        }

        lock (hosts[0]._gate)
        {
            return hosts[0]._isBusy
                ? throw new InvalidOperationException("Several shards cannot be changed at once from inside a presence callback.")
                : Exclusively(hosts[1..], action);
        }
    }

    /// <summary>Applies a command now; inside of <see cref="Exclusively{T}"/> alone.</summary>
    public TResult ExecuteHeld<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult> => RunAlone<TCommand, TResult>(command);

    /// <summary>Links the process to this shard, or ends its presences if it has ended meanwhile.</summary>
    public void LinkOrEnd(PresenceProcess process, TimeSpan now, ShardEffects effects)
    {
        if (!process.Link(this))
        {
            Shard.UntrackAll(now, process.Id, LeaveReason.ProcessEnded, effects);
        }
    }

    public void Ended(PresenceProcess process)
    {
        var ended = Execute<UntrackAllCommand, int>(new UntrackAllCommand(process, LeaveReason.ProcessEnded));
        if (ended.IsCompletedSuccessfully)
        {
            return;
        }

        // A full mailbox must not make a ghost: the number of processes bounds these.
        if (ended.IsFaulted)
        {
            Post(new ActionCommand((host, now, effects) =>
                host.Shard.UntrackAll(now, process.Id, LeaveReason.ProcessEnded, effects)), always: true);
        }
    }

    public void Start()
    {
        Exclusively((now, effects) => Shard.Start(now, effects));
        Rearm();
    }

    public void Dispose() => _timer.Dispose();

    private ValueTask<TResult> Enqueue<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult>
    {
        if (Volatile.Read(ref _waiting) >= _capacity)
        {
            _instruments.Overloaded();
            return ValueTask.FromException<TResult>(new PresenceOverloadException(
                $"The mailbox of shard {Shard.Shard} holds {_capacity} commands (Presence:MailboxCapacity); nothing was changed."));
        }

        var queued = new QueuedCommand<TCommand, TResult>(command, isAwaited: true);
        Enqueue(queued);
        return new ValueTask<TResult>(queued.Task);
    }

    private void Enqueue(QueuedCommand command)
    {
        Interlocked.Increment(ref _waiting);
        _queue.Enqueue(command);
        DrainIfWaiting();
    }

    private TResult RunAlone<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult>
    {
        _isBusy = true;
        try
        {
            return command.Run(this, Now, _effects);
        }
        finally
        {
            try
            {
                CarryOut();
            }
            finally
            {
                _isBusy = false;
            }
        }
    }

    private void DrainIfWaiting()
    {
        // Whoever holds the gate looks again after letting go, so a command that comes meanwhile is never left behind.
        Interlocked.MemoryBarrier();
        while (!_queue.IsEmpty && _gate.TryEnter())
        {
            var isDone = true;
            try
            {
                if (_isBusy)
                {
                    return;
                }

                isDone = Drain();
            }
            finally
            {
                _gate.Exit();
            }

            if (!isDone)
            {
                ThreadPool.UnsafeQueueUserWorkItem(static host => host.DrainIfWaiting(), this, preferLocal: false);
                return;
            }

            Interlocked.MemoryBarrier();
        }
    }

    private bool Drain()
    {
        for (var done = 0; done < MostForOthers; done++)
        {
            if (!_queue.TryDequeue(out var command))
            {
                return true;
            }

            Interlocked.Decrement(ref _waiting);
            _isBusy = true;
            try
            {
                command.Run(this, Now, _effects);
                CarryOut();
            }
            finally
            {
                _isBusy = false;
                if (command.Complete() is { } failure)
                {
                    _output.InputFailed(failure);
                }
            }
        }

        return _queue.IsEmpty;
    }

    private void RunDue(TimeSpan now, ShardEffects effects)
    {
        if (now >= Shard.NextTick)
        {
            Shard.Tick(now, effects);
        }

        if (Shard.NextFlush <= now)
        {
            Shard.Flush(now, effects);
        }

        _timer.Fired();
    }

    private void CarryOut()
    {
        try
        {
            _output.CarryOut(this, _effects);
        }
        finally
        {
            _effects.Clear();
            Rearm();
        }
    }

    private void Rearm()
    {
        var due = Shard.NextFlush is { } flush && flush < Shard.NextTick ? flush : Shard.NextTick;
        _timer.Arm(due, Now);
    }
}
