using Presence.Node.Trackers;
using Presence.Tracker.Shard;

namespace Presence.Node.Shards;

/// <content>The clock, ended sessions, and inputs to several shards at once.</content>
internal sealed partial class ShardHost
{
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

    private void Rearm()
    {
        var due = Shard.NextFlush is { } flush && flush < Shard.NextTick ? flush : Shard.NextTick;
        if (_timer.IsLaterThan(due))
        {
            _timer.Arm(due, Now);
        }
    }
}
