using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Measuring;

/// <summary>
/// Calls that come when they are due, whether the one before was quick or not, each timed from when it was due: what somebody waits
/// who asks at any moment, pauses of the run-time and of the machine included.
/// </summary>
/// <remarks>
/// Who makes the calls sleeps until the next is due. One that spun would be a consumer of processor time like those it shares the cores
/// with, and be put behind them for whole time slices; one that sleeps is owed time and is given a core when it wakes.
/// </remarks>
internal static class OpenLoop
{
    private const int FirstInFirstOut = 1;
    private const int MonotonicClock = 1;
    private const int UntilThen = 1;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>Calls at a fixed rate on a thread of its own.</summary>
    /// <param name="perSecond">How many come in a second.</param>
    /// <param name="period">For how long they come.</param>
    /// <param name="ahead">Whether the thread that makes them is preferred to all others: they come from elsewhere, as it were.</param>
    /// <param name="call">What is called.</param>
    /// <returns>Microseconds from due to done, one per call.</returns>
    /// <exception cref="CannotBeMeasuredException">The machine does not let this process prefer a thread.</exception>
    public static Task<double[]> RunAsync(int perSecond, TimeSpan period, bool ahead, Action call) => Task.Factory.StartNew(
        () => Run(perSecond, period, ahead, call), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static double[] Run(int perSecond, TimeSpan period, bool ahead, Action call)
    {
        if (ahead)
        {
            GoAhead();
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
    private static void GoAhead()
    {
        var lowest = new SchedulingParameters { Priority = 1 };
        if (!OperatingSystem.IsLinux() || SetScheduler(0, FirstInFirstOut, in lowest) != 0)
        {
            throw new CannotBeMeasuredException("the system refuses a thread of this process real-time priority (root, or CAP_SYS_NICE, has it).");
        }
    }

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
}
