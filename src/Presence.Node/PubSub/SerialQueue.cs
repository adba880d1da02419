namespace Presence.Node.PubSub;

/// <summary>A bounded queue whose items are handled in order, one at a time and with no lock held.</summary>
/// <remarks>
/// A caller that runs an idle queue handles up to <see cref="MaxDrainBatch"/> items, including those added meanwhile;
/// then the thread pool continues. A caller that runs a busy queue returns at once.
/// </remarks>
/// <param name="handle">Handles an item.</param>
/// <param name="capacity">Maximum number of items that wait.</param>
/// <param name="maxBytes">Maximum size of the items that wait; one item of any size always fits.</param>
internal sealed class SerialQueue<T>(Action<T> handle, int capacity, long maxBytes) : IThreadPoolWorkItem
{
    private const int MaxDrainBatch = 64;

    /// <summary>Items after which senders that can wait should do so.</summary>
    private const int LongQueue = 256;

    private readonly Lock _gate = new();
    private readonly Queue<(T Item, int Bytes)> _queue = new();
    private TaskCompletionSource? _congestion;
    private long _bytes;
    private bool _isRunning;

    /// <summary>Gets the size of the items that wait or are handled.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Gets a task that completes when the queue is short again; null while it is.</summary>
    public Task? Congestion => Volatile.Read(ref _congestion)?.Task;

    /// <summary>Adds an item; false if the queue is full. Call <see cref="Run"/> next, outside of all locks.</summary>
    public bool TryEnqueue(T item, int bytes)
    {
        lock (_gate)
        {
            if (_queue.Count >= capacity || (_queue.Count > 0 && _bytes + bytes > maxBytes))
            {
                return false;
            }

            _queue.Enqueue((item, bytes));
            _bytes += bytes;
            if (_congestion is null && IsLongerThan(LongQueue, maxBytes / 2))
            {
                _congestion = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return true;
        }
    }

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
        for (var left = MaxDrainBatch; left > 0; left--)
        {
            (T Item, int Bytes) next;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out next))
                {
                    _isRunning = false;
                    return;
                }
            }

            handle(next.Item);
            Release(next.Bytes);
        }

        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    private void Release(int bytes)
    {
        lock (_gate)
        {
            _bytes -= bytes;
            if (_congestion is not null && !IsLongerThan(LongQueue / 2, maxBytes / 4))
            {
                _congestion.SetResult();
                _congestion = null;
            }
        }
    }

    private bool IsLongerThan(int items, long bytes) => _queue.Count > items || _bytes > bytes;
}
