using System.Diagnostics;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>A command to a shard. A struct, so that an idle shard runs it without an allocation.</summary>
internal interface IShardCommand<out TResult>
{
    TResult Run(ShardHost host, TimeSpan now, ShardEffects effects);
}

internal readonly struct TrackCommand(PresenceSession session, string topic, string key, PresenceMeta meta)
    : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entry = host.Shard.Track(now, session.Id, topic, key, meta, effects, session.StampForChange());
        host.AttachSession(session, now, effects);
        return entry;
    }
}

internal readonly struct TrackManyCommand(PresenceSession session, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        var entries = host.Shard.TrackMany(now, session.Id, requests, effects, session.StampForChange());
        host.AttachSession(session, now, effects);
        return entries;
    }
}

internal readonly struct FindCommand(PresenceSession session, string topic, string key) : IShardCommand<PresenceEntry>
{
    public PresenceEntry Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.Find(session.Id, topic, key);
    }
}

/// <summary>Replaces the metadata; with <paramref name="expected"/>, only if that is the current version.</summary>
internal readonly struct UpdateCommand(
    PresenceSession session, string topic, string key, PresenceMeta meta, PresenceEntry? expected = null)
    : IShardCommand<(PresenceEntry Entry, bool IsDone)>
{
    public (PresenceEntry Entry, bool IsDone) Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        if (expected is not null && host.Shard.Find(session.Id, topic, key) is var present && present != expected)
        {
            return (present, false);
        }

        var value = meta;
        return (host.Shard.Update(now, session.Id, topic, key, _ => value, effects), true);
    }
}

internal readonly struct UpdateManyCommand(PresenceSession session, IReadOnlyList<TrackRequest> requests)
    : IShardCommand<IReadOnlyList<PresenceEntry>>
{
    public IReadOnlyList<PresenceEntry> Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.UpdateMany(now, session.Id, requests, effects);
    }
}

internal readonly struct UntrackCommand(PresenceSession session, string topic, string key) : IShardCommand<bool>
{
    public bool Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.Untrack(now, session.Id, topic, key, effects);
    }
}

internal readonly struct UntrackAllCommand(PresenceSession session, LeaveReason reason) : IShardCommand<int>
{
    public int Run(ShardHost host, TimeSpan now, ShardEffects effects)
    {
        session.StampForChange();
        return host.Shard.UntrackAll(now, session.Id, reason, effects);
    }
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
