namespace Presence.Node.Tests.Unique;

/// <summary>Records the starts and ends of the unique processes of a test, in order, for all nodes.</summary>
internal sealed class Watch
{
    private readonly Awaited<string> _seen = new();

    public IReadOnlyList<string> Seen => _seen.All;

    public int Running;

    public int MaxAtOnce;

    /// <summary>Runs in each process before it waits for its stop.</summary>
    public Func<UniqueProcessContext, Task>? Body { get; set; }

    public void Add(string entry) => _seen.Add(entry);

    public Task UntilAsync(Func<IReadOnlyList<string>, bool> isSo, string condition) =>
        _seen.UntilAsync(isSo, condition);

    public Task UntilAsync(string seen) => UntilAsync(all => all.Contains(seen), seen);

    /// <summary>Makes each process hand over <c>from</c> and its node's name; returns the received states.</summary>
    public Awaited<string> HandOverNames()
    {
        var states = new Awaited<string>();
        Body = context =>
        {
            if (!context.HandoverState.IsEmpty)
            {
                states.Add(Encoding.UTF8.GetString(context.HandoverState.Span));
            }

            context.SetHandoverState(Encoding.UTF8.GetBytes($"from {context.NodeName}"));
            return Task.CompletedTask;
        };
        return states;
    }
}

/// <summary>A unique process that records its start and end.</summary>
internal sealed class Watched(Watch watch) : IUniqueProcess
{
    public async Task RunAsync(UniqueProcessContext context)
    {
        watch.MaxAtOnce = Math.Max(watch.MaxAtOnce, Interlocked.Increment(ref watch.Running));
        watch.Add($"{context.NodeName} starts");
        try
        {
            if (watch.Body is { } body)
            {
                await body(context);
            }

            await Task.Delay(Timeout.Infinite, context.StoppingToken);
        }
        finally
        {
            Interlocked.Decrement(ref watch.Running);
            watch.Add($"{context.NodeName} ends: {context.StopReason}");
        }
    }
}

/// <summary>The same as a hosted service.</summary>
internal sealed class WatchedService(Watch watch, UniqueProcessContext context) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        watch.Add($"{context.NodeName} service starts");
        try
        {
            await Task.Delay(Timeout.Infinite, stoppingToken);
        }
        finally
        {
            watch.Add($"{context.NodeName} service ends: {context.StopReason}");
        }
    }
}
