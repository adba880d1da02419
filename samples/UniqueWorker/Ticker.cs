using System.Buffers.Binary;
using Microsoft.Extensions.Hosting;
using Presence.Node;

namespace Presence.Samples.UniqueWorker;

/// <summary>Counts the seconds, in one process of the cluster. The next holder continues the count.</summary>
internal sealed class Ticker(UniqueProcessContext context) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Empty for the first holder, and after a crash.
        var count = context.HandoverState.IsEmpty ? 0 : BinaryPrimitives.ReadInt64BigEndian(context.HandoverState.Span);
        Console.WriteLine($"{context.NodeName} runs the ticker, from {count}.");
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                Console.WriteLine($"tick {++count}");
            }
        }
        catch (OperationCanceledException)
        {
            var state = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64BigEndian(state, count);
            context.SetHandoverState(state);
            Console.WriteLine($"{context.NodeName} stops the ticker at {count}: {context.StopReason}.");
        }
    }
}
