using System.Collections.Concurrent;

namespace Presence.Channels;

/// <summary>
/// Those who write to WebSockets: no more than there are processors, however many sockets have something to be told. While they are busy
/// frames for one socket gather and then go together. Bounded by the sockets: each waits here once.
/// </summary>
internal sealed class SocketWriters : IThreadPoolWorkItem
{
    /// <summary>Milliseconds after which a writer lets others have its thread.</summary>
    private const int Turn = 5;

    private readonly ConcurrentQueue<WebSocketTransport> _waiting = new();
    private int _atWork;

    public void Add(WebSocketTransport socket)
    {
        _waiting.Enqueue(socket);
        if (Volatile.Read(ref _atWork) == 0)
        {
            StartOne();
        }
    }

    public void Execute()
    {
        var begun = Environment.TickCount64;
        while (_waiting.TryDequeue(out var socket))
        {
            if (!_waiting.IsEmpty)
            {
                StartOne();
            }

            socket.Write();
            if (Environment.TickCount64 - begun > Turn)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }
        }

        Interlocked.Decrement(ref _atWork);

        // Whoever came while this one was about to leave saw it at work.
        if (!_waiting.IsEmpty)
        {
            StartOne();
        }
    }

    private void StartOne()
    {
        var atWork = Volatile.Read(ref _atWork);
        while (atWork < Environment.ProcessorCount)
        {
            var seen = Interlocked.CompareExchange(ref _atWork, atWork + 1, atWork);
            if (seen == atWork)
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
                return;
            }

            atWork = seen;
        }
    }
}
