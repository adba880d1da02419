namespace Presence.Node;

/// <summary>A bounded queue whose items are handled one at a time and in order, with no lock held.</summary>
/// <remarks>
/// Who runs it while it is idle handles what waits, also what others add meanwhile, up to <see cref="MaxForOthers"/> items; then the
/// thread pool goes on. Who runs it while it is busy returns at once.
/// </remarks>
internal sealed class SerialQueue<T>(Action<T> handle, int capacity) : IThreadPoolWorkItem
{
    private const int MaxForOthers = 64;

    private readonly Lock _gate = new();
    private readonly Queue<T> _queue = new();
    private bool _isRunning;

    /// <summary>Adds an item; false if the queue is full. To be followed by <see cref="Run"/> outside of all locks.</summary>
    public bool TryEnqueue(T item)
    {
        lock (_gate)
        {
            if (_queue.Count >= capacity)
            {
                return false;
            }

            _queue.Enqueue(item);
            return true;
        }
    }

    /// <summary>Handles what waits, unless that is under way already.</summary>
    public void Run()
    {
        lock (_gate)
        {
            if (_isRunning)
            {
                return;
            }

            _isRunning = true;
        }

        ((IThreadPoolWorkItem)this).Execute();
    }

    void IThreadPoolWorkItem.Execute()
    {
        for (var left = MaxForOthers; left > 0; left--)
        {
            T? next;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out next))
                {
                    _isRunning = false;
                    return;
                }
            }

            handle(next);
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }
}
