namespace Presence.Harness;

/// <summary>Collects items in order; tests can wait for them.</summary>
public sealed class Awaited<T>
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly Lock _gate = new();
    private readonly List<T> _all = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IReadOnlyList<T> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _all];
            }
        }
    }

    public void Add(T item)
    {
        lock (_gate)
        {
            _all.Add(item);
            _more.TrySetResult();
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Completes when at least this many items have arrived.</summary>
    public Task CountAsync(int count) => UntilAsync(all => all.Count >= count, $"there are {count}");

    /// <summary>Completes with the first item that meets the condition, now or later.</summary>
    public async Task<T> FirstAsync(Func<T, bool> condition, string what = "one meets the condition")
    {
        var (found, isFound) = (default(T)!, false);
        await UntilAsync(
            all =>
            {
                foreach (var item in all.Where(condition).Take(1))
                {
                    (found, isFound) = (item, true);
                }

                return isFound;
            },
            what);
        return found;
    }

    /// <summary>Completes when all items so far meet the condition; fails after 60 s.</summary>
    public async Task UntilAsync(Func<IReadOnlyList<T>, bool> condition, string what)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (condition(_all))
                {
                    return;
                }

                more = _more.Task;
            }

            try
            {
                await more.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                var last = string.Join("; ", All.TakeLast(20));
                Assert.Fail($"Not met within {Timeout}: {what}. Last items: {last}");
            }
        }
    }
}
