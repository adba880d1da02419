using System.Collections.Concurrent;

namespace Presence.Grains.Tests.Topics;

/// <summary>Things that arrive, kept in order, which a test can await.</summary>
internal sealed class Awaited<T>
{
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

    /// <summary>Completes when there are so many.</summary>
    public Task CountAsync(int count) => FirstAsync(_ => _all.Count >= count);

    /// <summary>Completes with the first that meets the condition, now or later.</summary>
    public async Task<T> FirstAsync(Func<T, bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            Task more;
            lock (_gate)
            {
                var found = _all.FindIndex(i => condition(i));
                if (found >= 0)
                {
                    return _all[found];
                }

                more = _more.Task;
            }

            await more.WaitAsync(patience.Token);
        }
    }
}
