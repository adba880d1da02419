using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Measuring;

/// <summary>
/// Makes calls at fixed times, independent of the duration of earlier calls, and times each from when it was due. This
/// is the latency of an independent caller, including pauses of the runtime and of the machine.
/// </summary>
/// <remarks>
/// The calling thread sleeps until the next call is due. A spinning thread would compete with the writers and wait for
/// whole time slices; a sleeping one gets a core when it wakes. With normal priority it also requests short slices,
/// which needs no privilege and gives no larger share: Linux then mostly runs it at once, instead of at the end of the
/// running slice.
/// </remarks>
internal static class OpenLoop
{
    private const int FirstInFirstOut = 1;
    private const int MonotonicClock = 1;
    private const int UntilThen = 1;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>The shortest slice that Linux grants; a call takes a few microseconds.</summary>
    private const ulong ShortSlice = 100_000;

    /// <summary>The numbers of sched_setattr, which libc does not wrap everywhere.</summary>
    private static readonly Dictionary<Architecture, nint> SetAttributesCall =
        new() { [Architecture.X64] = 314, [Architecture.Arm64] = 274 };

    /// <summary>Calls at a fixed rate on a separate thread.</summary>
    /// <param name="perSecond">Calls per second.</param>
    /// <param name="period">Duration.</param>
    /// <param name="ahead">
    /// Whether the calling thread gets real-time priority, if permitted: measures calls that come from another machine.
    /// </param>
    /// <returns>Microseconds from due to done, one per call.</returns>
    public static Task<double[]> RunAsync(int perSecond, TimeSpan period, bool ahead, Action call) =>
        Task.Factory.StartNew(
        () => Run(perSecond, period, ahead, call),
        CancellationToken.None,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default);

    private static double[] Run(int perSecond, TimeSpan period, bool ahead, Action call)
    {
        if (ahead && !GoAhead())
        {
            Console.Error.WriteLine(
                "# no permission for real-time priority (needs root or CAP_SYS_NICE): calls have normal priority");
            ahead = false;
        }

        if (!ahead && !AskForShortSlices())
        {
            Console.Error.WriteLine(
                "# the system has no short time slices (needs Linux 6.12): a call may wait for the slice of a writer");
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
            times.Select((took, i) => (
                begunAt + TimeSpan.FromSeconds(i / (double)perSecond), TimeSpan.FromMicroseconds(took)))));
        return times;
    }

    private static void SleepUntil(long due)
    {
        if (OperatingSystem.IsLinux() && Stopwatch.Frequency == NanosecondsPerSecond)
        {
            var (seconds, nanoseconds) = Math.DivRem(due, NanosecondsPerSecond);
            var until = new Time { Seconds = (nint)seconds, Nanoseconds = (nint)nanoseconds };
            _ = ClockNanoSleep(MonotonicClock, UntilThen, in until, 0);
        }
        else
        {
            Thread.Yield();
        }
    }

    /// <summary>Sets the lowest real-time priority for this thread: it gets a core whenever it is not asleep.</summary>
    private static bool GoAhead()
    {
        var lowest = new SchedulingParameters { Priority = 1 };
        return OperatingSystem.IsLinux() && SetScheduler(0, FirstInFirstOut, in lowest) == 0;
    }

    /// <summary>Keeps normal priority and share but requests shorter time slices.</summary>
    private static bool AskForShortSlices()
    {
        if (!OperatingSystem.IsLinux() || !SetAttributesCall.TryGetValue(
            RuntimeInformation.ProcessArchitecture, out var number))
        {
            return false;
        }

        var size = (uint)Marshal.SizeOf<SchedulingAttributes>();
        var attributes = new SchedulingAttributes { Size = size, Slice = ShortSlice };
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

    /// <summary>The first version of sched_attr. Zero values are the defaults.</summary>
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
