using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;

namespace Presence.Node.Tests.Unique;

/// <summary>What the unique processes of a test did, in order, for all members; awaited, not polled.</summary>
internal sealed class Watch
{
    private readonly ConcurrentQueue<string> _seen = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = New();

    public IReadOnlyList<string> Seen => [.. _seen];

    public int Running;

    public int MostAtOnce;

    /// <summary>What a process does beyond waiting for its stop.</summary>
    public Func<UniqueProcessContext, Task>? Body { get; set; }

    public void Add(string what)
    {
        _seen.Enqueue(what);
        lock (_gate)
        {
            _changed.TrySetResult();
            _changed = New();
        }
    }

    public async Task UntilAsync(Func<IReadOnlyList<string>, bool> isSo, string what)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                changed = _changed.Task;
            }

            if (isSo(Seen))
            {
                return;
            }

            try
            {
                await changed.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"It did not become so that {what}; seen: {string.Join("; ", Seen)}");
            }
        }
    }

    public Task UntilAsync(string seen) => UntilAsync(all => all.Contains(seen), seen);

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
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
