using System.Diagnostics;
using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>Runs a shard's commands one at a time: on the caller's thread if idle, else from a mailbox.</summary>
internal sealed partial class ShardHost : ISessionLink, IDisposable
{
    private const int MaxSpins = 20;

    private readonly Lock _gate = new();
    private readonly EffectExecutor _output;
    private readonly ShardTimer _timer;
    private readonly TimeProvider _time;
    private readonly NodeInstruments _instruments;
    private readonly long _epoch;
    private readonly ShardHost[] _homes;

    private ShardEffects? _effects = new();
    private TaskCompletionSource? _synchronized;
    private Activity? _cause;

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

    /// <summary>Completes when the state of all nodes was received that are known now.</summary>
    public async Task SynchronizedAsync()
    {
        var synchronized = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var wait = new ActionCommand((h, _, _) =>
        {
            h.Shard.AwaitNodes();
            h._synchronized = synchronized;
        });
        await Execute<ActionCommand, bool>(wait, always: true).ConfigureAwait(false);
        await synchronized.Task.ConfigureAwait(false);
    }

    /// <summary>
    /// Runs an action while no command of this shard runs. That of a reader needs all of its homes, so one of them is
    /// locked: a caller may hold it already, and must not wait for a reader that waits for it.
    /// </summary>
    public T WithLock<T>(Func<T> action) => WithLock([IsReader ? _homes[0] : this], action);

    /// <summary>Locks several shards at once, for commands that must be applied to all or none.</summary>
    /// <param name="hosts">In order of their numbers, so that two callers cannot deadlock.</param>
    /// <param name="action">Calls <see cref="ExecuteLocked{TCommand, TResult}"/>; never code of a user.</param>
    public static T WithLock<T>(IReadOnlyList<ShardHost> hosts, Func<T> action)
    {
        var held = 0;
        try
        {
            for (; held < hosts.Count; held++)
            {
                hosts[held]._gate.Enter();
            }

            foreach (var host in hosts)
            {
                // Keeps the order: earlier commands of the caller may wait in the mailbox.
                host.DrainWaitingNow();
            }

            return action();
        }
        finally
        {
            foreach (var host in hosts.Take(held))
            {
                host._gate.Exit();
            }

            foreach (var host in hosts.Take(held))
            {
                host.DrainIfWaiting();
            }
        }
    }

    public TResult ExecuteLocked<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult> => RunLocked<TCommand, TResult>(command);

    public void AttachSession(PresenceSession session, TimeSpan now, ShardEffects effects)
    {
        if (!session.Link(this))
        {
            Shard.UntrackAll(now, session.Id, session.EndReason, effects);
        }
    }

    public void Ended(PresenceSession session)
    {
        // Accepted by a full mailbox, or presences would outlive their session; bounded by the number of sessions.
        var command = new UntrackAllCommand(session, session.EndReason);
        var ended = Execute<UntrackAllCommand, int>(command, always: true);
        if (ended.IsFaulted)
        {
            _output.InputFailed(ended.AsTask().Exception!);
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

    private void RunDue(TimeSpan now, ShardEffects effects)
    {
        // First, so that a tick that throws does not stop the timer.
        _timer.Fired();
        if (now >= Shard.NextTick)
        {
            Shard.Tick(now, effects);
            if (Shard.IsUnused)
            {
                _output.ReaderUnused(Shard.PoolSize);
            }
        }

        if (Shard.NextFlush <= now)
        {
            Shard.Flush(now, effects);
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

    private void Rearm()
    {
        var due = Shard.NextFlush is { } flush && flush < Shard.NextTick ? flush : Shard.NextTick;
        if (_timer.IsLaterThan(due))
        {
            _timer.Arm(due, Now);
        }
    }
}
