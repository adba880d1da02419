using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Measuring;

/// <summary>
/// Calls that come when they are due, whether the one before was quick or not, each timed from when it was due: what somebody waits
/// who asks at any moment, pauses of the run-time and of the machine included.
/// </summary>
/// <remarks>
/// Who makes the calls sleeps until the next is due. One that spun would be a consumer of processor time like those it shares the cores
/// with, and be put behind them for whole time slices; one that sleeps is owed time and is given a core when it wakes. As any thread, it
/// also asks for short slices, which needs no privilege and gives it no larger share: Linux then mostly runs it when it wakes,
/// where it would else run when the slice of whoever runs is over.
/// </remarks>
internal static class OpenLoop
{
    private const int FirstInFirstOut = 1;
    private const int MonotonicClock = 1;
    private const int UntilThen = 1;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>The shortest that Linux grants; a call takes a few microseconds of it.</summary>
    private const ulong ShortSlice = 100_000;

    /// <summary>The numbers of sched_setattr, which libc does not wrap everywhere.</summary>
    private static readonly Dictionary<Architecture, nint> SetAttributesCall = new() { [Architecture.X64] = 314, [Architecture.Arm64] = 274 };

    /// <summary>Calls at a fixed rate on a thread of its own.</summary>
    /// <param name="perSecond">How many come in a second.</param>
    /// <param name="period">For how long they come.</param>
    /// <param name="ahead">
    /// Whether the thread that makes them is preferred to all others, if the system lets it: what calls wait that come from elsewhere.
    /// </param>
    /// <returns>Microseconds from due to done, one per call.</returns>
    public static Task<double[]> RunAsync(int perSecond, TimeSpan period, bool ahead, Action call) => Task.Factory.StartNew(
        () => Run(perSecond, period, ahead, call), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static double[] Run(int perSecond, TimeSpan period, bool ahead, Action call)
    {
        if (ahead && !GoAhead())
        {
            Console.Error.WriteLine("# the system refuses a thread of this process real-time priority (root and CAP_SYS_NICE have it): calls come as any thread's");
            ahead = false;
        }

        if (!ahead && !AskForShortSlices())
        {
            Console.Error.WriteLine("# the system knows no short time slices (Linux 6.12 and later do): a call waits until the slice of a writer is over");
        }

        var times = new double[(int)(perSecond * period.TotalSeconds)];
        var step = Stopwatch.Frequency / (double)perSecond;
        using var pauses = new Pauses();
        var (begun, begunAt) = (Stopwatch.GetTimestamp(), DateTime.UtcNow);
        for (var i = 0; i < times.Length; i++)
        {
            var due = begun + (long)(i * step);
            while (Stopwatch.GetTimestamp() < due)
            {
                SleepUntil(due);
            }

            call();
            times[i] = Stopwatch.GetElapsedTime(due).TotalMicroseconds;
        }

        Console.Error.WriteLine(pauses.Sum(
            times.Select((took, i) => (begunAt + TimeSpan.FromSeconds(i / (double)perSecond), TimeSpan.FromMicroseconds(took)))));
        return times;
    }

    private static void SleepUntil(long due)
    {
        if (OperatingSystem.IsLinux() && Stopwatch.Frequency == NanosecondsPerSecond)
        {
            var until = new Time { Seconds = (nint)(due / NanosecondsPerSecond), Nanoseconds = (nint)(due % NanosecondsPerSecond) };
            _ = ClockNanoSleep(MonotonicClock, UntilThen, in until, 0);
        }
        else
        {
            Thread.Yield();
        }
    }

    /// <summary>The lowest real-time priority, for this thread alone: it is given a core whenever it is not asleep.</summary>
    private static bool GoAhead()
    {
        var lowest = new SchedulingParameters { Priority = 1 };
        return OperatingSystem.IsLinux() && SetScheduler(0, FirstInFirstOut, in lowest) == 0;
    }

    /// <summary>The same priority and share as any thread, in slices shorter than theirs.</summary>
    private static bool AskForShortSlices()
    {
        if (!OperatingSystem.IsLinux() || !SetAttributesCall.TryGetValue(RuntimeInformation.ProcessArchitecture, out var number))
        {
            return false;
        }

        var attributes = new SchedulingAttributes { Size = (uint)Marshal.SizeOf<SchedulingAttributes>(), Slice = ShortSlice };
        return SystemCall(number, 0, in attributes, 0) == 0;
    }

    [DllImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint SystemCall(nint number, nint thread, in SchedulingAttributes attributes, nint flags);

    [DllImport("libc", EntryPoint = "clock_nanosleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int ClockNanoSleep(int clock, int flags, in Time until, nint left);

    [DllImport("libc", EntryPoint = "sched_setscheduler")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetScheduler(int thread, int policy, in SchedulingParameters parameters);

    private readonly struct Time
    {
        public nint Seconds { get; init; }

        public nint Nanoseconds { get; init; }
    }

    private readonly struct SchedulingParameters
    {
        public int Priority { get; init; }
    }

    /// <summary>The first version of the system's sched_attr. All that is zero is as for any thread.</summary>
    private readonly struct SchedulingAttributes
    {
        public uint Size { get; init; }

        public uint Policy { get; init; }

        public ulong Flags { get; init; }

        public int Nice { get; init; }

        public uint Priority { get; init; }

        public ulong Slice { get; init; }

        public ulong Deadline { get; init; }

        public ulong Period { get; init; }
    }
}
