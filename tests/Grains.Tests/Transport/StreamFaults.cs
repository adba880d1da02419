using System.Collections.Concurrent;
using Orleans.Serialization.Invocation;
using Presence.Tracker.Wire;

namespace Presence.Grains.Tests.Transport;

/// <summary>Drops, rejects or stalls events before they enter the queues of the delta streams.</summary>
internal sealed class StreamFaults : IIncomingGrainCallFilter
{
    private int _count;

    /// <summary>Decides on the n-th event (from 1) of this silo's queues: true drops it silently.</summary>
    public Func<int, bool> Lose { get; set; } = _ => false;

    /// <summary>Decides on the n-th event (from 1) of this silo's queues: true rejects it, as if full.</summary>
    public Func<int, bool> Overflow { get; set; } = _ => false;

    /// <summary>The number of events dropped or rejected so far.</summary>
    public int Injected { get; private set; }

    /// <summary>The heartbeats that passed, by sender and shard of this silo; null: they are not counted.</summary>
    public ConcurrentDictionary<(string From, string Shard), int>? Heartbeats { get; set; }

    public Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.Grain is not IPinnedSiloGrain || context.MethodName is not nameof(IPinnedSiloGrain.Enqueue))
        {
            return context.Invoke();
        }

        var number = Interlocked.Increment(ref _count);
        if (Overflow(number))
        {
            Injected++;
            throw new InvalidOperationException("16384 batches are unread");
        }

        if (Lose(number))
        {
            Injected++;
            context.Response = Response.Completed;
            return Task.CompletedTask;
        }

        if (Heartbeats is not null)
        {
            Count((string)context.Request.GetArgument(0)!, (DeltaBatch)context.Request.GetArgument(1)!);
        }

        return context.Invoke();
    }

    private void Count(string shard, DeltaBatch batch)
    {
        foreach (var frame in batch.Frames.Where(f => f.Channel != PresenceOptions.PubSubChannel))
        {
            if (ShardFrameCodec.Decode(frame.Body.Span) is HeartbeatFrame)
            {
                Heartbeats!.AddOrUpdate((batch.From, shard), 1, (_, count) => count + 1);
            }
        }
    }
}
