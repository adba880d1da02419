using Presence.Crdt;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>
/// Runs one shard: one input at a time, on the caller's thread when the shard is idle, else from a bounded mailbox.
/// </summary>
internal sealed partial class ShardHost : IProcessLink, IDisposable
{
    /// <summary>How often an input looks whether the shard is idle before it queues up.</summary>
    private const int MostLooks = 20;

    private readonly Lock _gate = new();
    private readonly ShardOutput _output;
    private readonly ShardTimer _timer;
    private readonly TimeProvider _time;
    private readonly NodeInstruments _instruments;
    private readonly long _epoch;

    /// <summary>For the next input; null during one.</summary>
    private ShardEffects? _effects = new();

    public ShardHost(TrackerShard shard, ShardOutput output, TimeProvider time, NodeInstruments instruments, int capacity)
    {
        Shard = shard;
        _output = output;
        _time = time;
        _instruments = instruments;
        _capacity = capacity;
        _epoch = time.GetTimestamp();
        _timer = new ShardTimer(
            time, () => Post(new ActionCommand(static (host, now, effects) => host.RunDue(now, effects)), always: true));
    }

    /// <summary>The machine. Only its index may be used outside of an input.</summary>
    public TrackerShard Shard { get; }

    /// <summary>Who hears its changes; used inside of an input alone.</summary>
    public ShardOutput Output => _output;

    /// <summary>The host's monotonic clock.</summary>
    public TimeSpan Now => _time.GetElapsedTime(_epoch);

    /// <summary>Applies a command; completes synchronously if the shard is idle.</summary>
    /// <param name="command">What to do.</param>
    /// <param name="always">Whether it is taken even if the mailbox is full: for what something else bounds.</param>
    public ValueTask<TResult> Execute<TCommand, TResult>(TCommand command, bool always = false)
        where TCommand : struct, IShardCommand<TResult>
    {
        if (!_queue.IsEmpty || !TryEnterSoon())
        {
            return Enqueue<TCommand, TResult>(command, always);
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

    /// <summary>Applies a command some time soon, with nobody waiting for it; false if the mailbox is full.</summary>
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

    /// <summary>Runs our own code between two inputs; waits for the input under way.</summary>
    public T Exclusively<T>(Func<T> action) => Exclusively([this], action);

    /// <summary>Holds several shards at once, for what must happen in all or in none.</summary>
    /// <param name="hosts">In order of their numbers: two callers that hold in the same order cannot wait for each other.</param>
    /// <param name="action">Uses <see cref="ExecuteHeld{TCommand, TResult}"/>; never foreign code.</param>
    public static T Exclusively<T>(IReadOnlyList<ShardHost> hosts, Func<T> action)
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
                // What came before is done before: a caller's own earlier commands are not overtaken.
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

    /// <summary>Applies a command now, while several shards are held.</summary>
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
        // A full mailbox must not make a ghost; the number of processes bounds these.
        var ended = Execute<UntrackAllCommand, int>(new UntrackAllCommand(process, LeaveReason.ProcessEnded), always: true);
        if (ended.IsFaulted)
        {
            _output.InputFailed(ended.AsTask().Exception!);
        }
    }

    /// <summary>An input that nobody waits for failed.</summary>
    public void InputFailed(Exception e) => _output.InputFailed(e);

    public void Dispose() => _timer.Dispose();

    /// <summary>
    /// Most inputs take about a microsecond: to look again for as long costs less than a place in the mailbox and a hop between threads.
    /// </summary>
    private bool TryEnterSoon()
    {
        for (var looks = 0; looks < MostLooks; looks++)
        {
            if (TryEnter())
            {
                return true;
            }

            Thread.SpinWait(iterations: 10);
        }

        return false;
    }

    /// <summary>False as well if this thread is inside: what a log or a link calls from there waits for its turn.</summary>
    private bool TryEnter() => !_gate.IsHeldByCurrentThread && _gate.TryEnter();

    private TResult RunAlone<TCommand, TResult>(TCommand command)
        where TCommand : struct, IShardCommand<TResult>
    {
        var effects = TakeEffects();
        try
        {
            return command.Run(this, Now, effects);
        }
        finally
        {
            CarryOut(effects);
        }
    }

    private void RunDue(TimeSpan now, ShardEffects effects)
    {
        // First, so that a step that fails does not end all steps to come.
        _timer.Fired();
        if (now >= Shard.NextTick)
        {
            Shard.Tick(now, effects);
        }

        if (Shard.NextFlush <= now)
        {
            Shard.Flush(now, effects);
        }
    }

    /// <summary>Lists of their own where a log or a link calls back in the middle of an input.</summary>
    private ShardEffects TakeEffects()
    {
        var effects = _effects ?? new ShardEffects();
        _effects = null;
        return effects;
    }

    private void CarryOut(ShardEffects effects)
    {
        try
        {
            _output.CarryOut(this, effects);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What was changed is changed: the caller must not hear of a failure, the operator must.
            _output.InputFailed(e);
        }
        finally
        {
            effects.Clear();
            _effects = effects;
            Rearm();
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
