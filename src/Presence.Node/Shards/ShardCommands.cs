using System.Diagnostics;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;
using Presence.Tracker.Shard;
using Presence.Tracker.Wire;

namespace Presence.Node.Shards;

/// <summary>A command to a shard. A struct, so that an idle shard runs it without an allocation.</summary>
internal interface IShardCommand<out TResult>
{
    TResult Run(ShardHost host, TimeSpan now, ShardEffects effects);
}

internal readonly struct ActionCommand(Action<ShardHost, TimeSpan, ShardEffects> action) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        action(host, now, effects);
        return true;
    }
}

internal readonly struct ReceiveCommand(ShardFrame frame, NodeInstruments instruments) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        host.Shard.Receive(now, frame, effects);
        instruments.Merged(host.Now - now);
        return true;
    }
}

internal readonly struct ProbeCommand(ProbeFrame probe) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects) => host.Shard.Probed(now, probe, effects);
}

internal abstract class QueuedCommand
{
    /// <summary>Gets the activity that enqueued the command.</summary>
    public Activity? Cause { get; } = NodeActivities.Cause;

    /// <summary>Runs the command and stores its result or exception. Never throws.</summary>
    public abstract void Run(ShardHost host, TimeSpan now, ShardEffects effects);

    public abstract void Complete();
}

internal sealed class QueuedCommand<TCommand, TResult>(TCommand command) : QueuedCommand
    where TCommand : struct, IShardCommand<TResult>
{
    // Asynchronous, so that continuations of callers do not run inside the shard.
    private readonly TaskCompletionSource<TResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TResult? _value;
    private Exception? _failure;

    public Task<TResult> Task => _result.Task;

    public override void Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        try
        {
            _value = command.Run(host, now, effects);
        }
        catch (Exception e)
        {
            _failure = e;
        }
    }

    public override void Complete()
    {
        if (_failure is null)
        {
            _result.SetResult(_value!);
        }
        else
        {
            _result.SetException(_failure);
        }
    }
}

internal sealed class PostedCommand<TCommand>(TCommand command) : QueuedCommand
    where TCommand : struct, IShardCommand<bool>
{
    public override void Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        try
        {
            command.Run(host, now, effects);
        }
        catch (Exception e)
        {
            host.InputFailed(e);
        }
    }

    public override void Complete()
    {
    }
}
