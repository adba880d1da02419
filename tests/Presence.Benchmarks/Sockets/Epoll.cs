using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Sockets;

/// <summary>
/// Reads all sockets of the load on one thread, with one call of the system for many that have something: the runtime's own way
/// costs several times as much, on processors that the server needs. Linux only.
/// </summary>
internal sealed partial class Epoll
{
    private const int Add = 1;
    private const int Readable = 1;
    private const int Batch = 512;

    /// <summary>
    /// Microseconds between two looks. A reader that sleeps until the next byte is woken by the server for nearly every message, and
    /// on shared processors that is measured as the server's time; what arrives meanwhile counts as late as it is read.
    /// </summary>
    private const uint Nap = 500;

    private readonly int _epoll = Create(0);
    private readonly Dictionary<int, Action> _readers = [];

    private Epoll() => new Thread(Run) { IsBackground = true, Name = "load" }.Start();

    public static Epoll Shared { get; } = new();

    /// <summary>Calls <paramref name="reader"/> whenever there is something to read, until the descriptor is closed.</summary>
    public void Watch(int descriptor, Action reader)
    {
        lock (_readers)
        {
            // A number that was closed is used again by the system.
            _readers[descriptor] = reader;
        }

        var interest = new Event { Events = Readable, Descriptor = descriptor };
        if (Control(_epoll, Add, descriptor, ref interest) != 0)
        {
            throw new InvalidOperationException($"epoll_ctl: error {Marshal.GetLastPInvokeError()}");
        }
    }

    private void Run()
    {
        var events = new Event[Batch];
        var ready = new List<Action>(Batch);
        while (true)
        {
            var count = Wait(_epoll, events, events.Length, -1);
            ready.Clear();
            lock (_readers)
            {
                for (var i = 0; i < count; i++)
                {
                    ready.Add(_readers[events[i].Descriptor]);
                }
            }

            ready.ForEach(reader => reader());
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
