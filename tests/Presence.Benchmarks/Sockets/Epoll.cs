using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Sockets;

/// <summary>
/// Reads the sockets of the load on one thread per processor, with one system call for many readable sockets. The
/// runtime's own sockets cost several times as much, on processors that the server needs. A single thread is too slow:
/// when each read sends an acknowledgement, it would still read long after the server is done, while a processor is
/// idle. Linux only.
/// </summary>
internal sealed partial class Epoll
{
    private const int AddInterest = 1;

    /// <summary>Edge-triggered: reports new bytes once, so a fully read socket is not reported again.</summary>
    private const uint ReadableOnce = 1 | (1u << 31);

    private const int Batch = 512;

    /// <summary>
    /// Microseconds between two polls. A reader that sleeps until the next byte is woken by the server for nearly every
    /// message, which counts as the server's time on shared processors; messages that arrive meanwhile count as
    /// arriving at the poll.
    /// </summary>
    private const uint Nap = 500;

    private readonly int _epoll = Create(0);
    private readonly Lock _gate = new();

    /// <summary>Readers by descriptor, which is a small number. Replaced when it grows.</summary>
    private volatile LoadSocket?[] _sockets = new LoadSocket?[1024];

    private Epoll() => new Thread(Run) { IsBackground = true, Name = "load" }.Start();

    /// <summary>One epoll per processor.</summary>
    private static Epoll[] Readers { get; } =
        [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Epoll())];

    /// <summary>Calls the socket on the same thread whenever it is readable, until the descriptor is closed.</summary>
    public static void Watch(int descriptor, LoadSocket socket) =>
        Readers[descriptor % Readers.Length].Add(descriptor, socket);

    private void Add(int descriptor, LoadSocket socket)
    {
        lock (_gate)
        {
            if (descriptor >= _sockets.Length)
            {
                var more = new LoadSocket?[descriptor * 2];
                _sockets.CopyTo(more, 0);
                _sockets = more;
            }

            // The system reuses closed descriptors.
            _sockets[descriptor] = socket;
        }

        var interest = new Event { Events = ReadableOnce, Descriptor = descriptor };
        if (Control(_epoll, AddInterest, descriptor, ref interest) != 0)
        {
            throw new InvalidOperationException($"epoll_ctl: error {Marshal.GetLastPInvokeError()}");
        }
    }

    private void Run()
    {
        var events = new Event[Batch];
        var buffer = new byte[128 * 1024];
        while (true)
        {
            var count = Wait(_epoll, events, events.Length, -1);
            var sockets = _sockets;
            for (var i = 0; i < count; i++)
            {
                sockets[events[i].Descriptor]!.Read(buffer);
            }

            if (count < Batch)
            {
                _ = MicroSleep(Nap);
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int Create(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int Control(int epoll, int operation, int descriptor, ref Event interest);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int Wait(int epoll, [Out] Event[] events, int most, int timeout);

    [LibraryImport("libc", EntryPoint = "usleep")]
    private static partial int MicroSleep(uint microseconds);

    [StructLayout(LayoutKind.Sequential, Pack = 1)]
    private struct Event
    {
        public uint Events;
        public int Descriptor;
        public int Unused;
    }
}
