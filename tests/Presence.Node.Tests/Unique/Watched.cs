namespace Presence.Node.Tests.Unique;

/// <summary>What the unique processes of a test did, in order, for all members; awaited, not polled.</summary>
internal sealed class Watch
{
    private readonly Awaited<string> _seen = new();

    public IReadOnlyList<string> Seen => _seen.All;

    public int Running;

    public int MostAtOnce;

    /// <summary>What a process does beyond waiting for its stop.</summary>
    public Func<UniqueProcessContext, Task>? Body { get; set; }

    public void Add(string what) => _seen.Add(what);

    public Task UntilAsync(Func<IReadOnlyList<string>, bool> isSo, string what) => _seen.UntilAsync(isSo, what);

    public Task UntilAsync(string seen) => UntilAsync(all => all.Contains(seen), seen);

    /// <summary>Lets each process leave <c>from</c> and the name of its node.</summary>
    /// <returns>What they inherit.</returns>
    public Awaited<string> LeaveNames()
    {
        var inherited = new Awaited<string>();
        Body = context =>
        {
            if (!context.Inherited.IsEmpty)
            {
                inherited.Add(Encoding.UTF8.GetString(context.Inherited.Span));
            }

            context.LeaveState(Encoding.UTF8.GetBytes($"from {context.NodeName}"));
            return Task.CompletedTask;
        };
        return inherited;
    }
}

/// <summary>A unique process that says what happens to it.</summary>
internal sealed class Watched(Watch watch) : IUniqueProcess
{
    public async Task RunAsync(UniqueProcessContext context)
    {
        watch.MostAtOnce = Math.Max(watch.MostAtOnce, Interlocked.Increment(ref watch.Running));
        watch.Add($"{context.NodeName} starts");
        try
        {
            if (watch.Body is { } body)
            {
                await body(context);
            }

            await Task.Delay(Timeout.Infinite, context.Stopping);
        }
        finally
        {
            Interlocked.Decrement(ref watch.Running);
            watch.Add($"{context.NodeName} ends: {context.StopReason}");
        }
    }
}

/// <summary>The same as a hosted service, as applications have them.</summary>
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
