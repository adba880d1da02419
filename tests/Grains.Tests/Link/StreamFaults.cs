using Orleans.Serialization.Invocation;

namespace Presence.Grains.Tests.Link;

/// <summary>Stands before the queues of the delta streams and loses, refuses or stalls what is put into them.</summary>
internal sealed class StreamFaults : IIncomingGrainCallFilter
{
    private int _count;

    /// <summary>Decides on the n-th event (from 1) of this silo's queues: true loses it silently.</summary>
    public Func<int, bool> Lose { get; set; } = _ => false;

    /// <summary>Decides on the n-th event (from 1) of this silo's queues: true refuses it, as a full queue does.</summary>
    public Func<int, bool> Overflow { get; set; } = _ => false;

    /// <summary>Events lost or refused so far.</summary>
    public int Injected { get; private set; }

    public Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.Grain is not IPresenceSiloGrain || context.MethodName is not nameof(IPresenceSiloGrain.Enqueue))
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

        return context.Invoke();
    }
}
