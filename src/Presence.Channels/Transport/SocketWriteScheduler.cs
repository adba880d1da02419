using System.Collections.Concurrent;

namespace Presence.Channels.Transport;

/// <summary>
/// Runs the writers of WebSockets, at most one per processor. While they are busy, frames for one socket are queued and
/// then sent together. Each socket waits here at most once.
/// </summary>
internal sealed class SocketWriteScheduler : IThreadPoolWorkItem
{
    /// <summary>Milliseconds after which a writer yields its thread.</summary>
    private const int MaxWriterTimeSlice = 5;

    private readonly ConcurrentQueue<WebSocketTransport> _waiting = new();
    private int _activeWriters;

    public void Add(WebSocketTransport socket)
    {
        _waiting.Enqueue(socket);
        if (Volatile.Read(ref _activeWriters) == 0)
        {
            StartWriter();
        }
    }

    public void Execute()
    {
        var begun = Environment.TickCount64;
        while (_waiting.TryDequeue(out var socket))
        {
            if (!_waiting.IsEmpty)
            {
                StartWriter();
            }

            socket.Write();
            if (Environment.TickCount64 - begun > MaxWriterTimeSlice)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }

        Interlocked.Decrement(ref _activeWriters);

        // A socket that was added just now may have previous this writer as active.
        if (!_waiting.IsEmpty)
        {
            StartWriter();
        }
    }

    private void StartWriter()
    {
        var active = Volatile.Read(ref _activeWriters);
        while (active < Environment.ProcessorCount)
        {
            var previous = Interlocked.CompareExchange(ref _activeWriters, active + 1, active);
            if (previous == active)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            active = previous;
        }
    }
}
