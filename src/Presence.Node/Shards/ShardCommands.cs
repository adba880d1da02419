using Presence.Tracker;

namespace Presence.Node;

/// <summary>One input of a shard. A struct, so that an idle shard takes it without an allocation.</summary>
internal interface IShardCommand<out TResult>
{
    TResult Run(ShardHost host, TimeSpan now, ShardEffects effects);
}

internal readonly struct TrackCommand(PresenceProcess process, string topic, string key, PresenceMeta meta)
    : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entry = host.Shard.Track(now, process.Id, topic, key, meta, effects);
        host.LinkOrEnd(process, now, effects);
        return entry;
    }
}

internal readonly struct TrackManyCommand(PresenceProcess process, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entries = host.Shard.TrackMany(now, process.Id, requests, effects);
        host.LinkOrEnd(process, now, effects);
        return entries;
    }
}

internal readonly struct FindCommand(PresenceProcess process, string topic, string key) : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects) => host.Shard.Find(process.Id, topic, key);
}

/// <summary>Replaces the metadata, if <paramref name="expected"/> is given only while that is the present version.</summary>
internal readonly struct UpdateCommand(
    PresenceProcess process, string topic, string key, PresenceMeta meta, PresenceEntry? expected = null)
    : IShardCommand<(PresenceEntry Entry, bool IsDone)>
{
    public (PresenceEntry Entry, bool IsDone) Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        if (expected is not null && host.Shard.Find(process.Id, topic, key) is var present && present != expected)
        {
            return (present, false);
        }

        var value = meta;
        return (host.Shard.Update(now, process.Id, topic, key, _ => value, effects), true);
    }
}

internal readonly struct UpdateManyCommand(PresenceProcess process, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects) =>
        host.Shard.UpdateMany(now, process.Id, requests, effects);
}

internal readonly struct UntrackCommand(PresenceProcess process, string topic, string key) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects) =>
        host.Shard.Untrack(now, process.Id, topic, key, effects);
}

internal readonly struct UntrackAllCommand(PresenceProcess process, LeaveReason reason) : IShardCommand<int>
{
    public int Run(ShardHost host, TimeSpan now, ShardEffects effects) =>
        host.Shard.UntrackAll(now, process.Id, reason, effects);
}

/// <summary>Any input that is rare enough for a delegate.</summary>
internal readonly struct ActionCommand(Action<ShardHost, TimeSpan, ShardEffects> action) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        action(host, now, effects);
        return true;
    }
}

/// <summary>A command that waits in the mailbox.</summary>
internal abstract class QueuedCommand
{
    /// <summary>Applies the command and keeps what came of it. Never throws.</summary>
    public abstract void Run(ShardHost host, TimeSpan now, ShardEffects effects);

    /// <summary>Tells the caller, once the effects are carried out.</summary>
    public abstract void Complete();
}

internal sealed class QueuedCommand<TCommand, TResult>(TCommand command) : QueuedCommand
    where TCommand : struct, IShardCommand<TResult>
{
    // Asynchronous, so that no caller's continuation runs inside the shard.
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

/// <summary>A command that nobody waits for: a frame, a timer, a hint.</summary>
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

/// <summary>A frame in the mailbox; those that stand behind each other are taken together.</summary>
internal sealed class PostedFrame(ShardFrame frame) : QueuedCommand
{
    public ShardFrame Frame => frame;

    public override void Run(ShardHost host, TimeSpan now, ShardEffects effects) => host.TakeFrames(this, now, effects);

    public override void Complete()
    {
    }
}
