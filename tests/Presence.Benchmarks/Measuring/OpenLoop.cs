using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Presence.Benchmarks.Measuring;

/// <summary>
/// Calls that come when they are due, whether the one before was quick or not, each timed from when it was due: what somebody waits
/// who asks at any moment, pauses of the run-time and of the machine included.
/// </summary>
internal static class OpenLoop
{
    private const uint Nap = 30;

    /// <summary>Calls at a fixed rate on a thread of its own.</summary>
    /// <returns>Microseconds from due to done, one per call.</returns>
    public static Task<double[]> RunAsync(int perSecond, TimeSpan period, Action call) => Task.Factory.StartNew(
        () => Run(perSecond, period, call), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static double[] Run(int perSecond, TimeSpan period, Action call)
    {
        var times = new double[(int)(perSecond * period.TotalSeconds)];
        var step = Stopwatch.Frequency / (double)perSecond;
        var begun = Stopwatch.GetTimestamp();
        for (var i = 0; i < times.Length; i++)
        {
            var due = begun + (long)(i * step);
            while (Stopwatch.GetTimestamp() < due)
            {
                Rest();
            }

            call();
            times[i] = Stopwatch.GetElapsedTime(due).TotalMicroseconds;
        }

        return times;
    }

    /// <summary>A caller that spins would be taken off its core by the writers for whole time slices.</summary>
    private static void Rest()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = MicroSleep(Nap);
        }
        else
        {
            Thread.Yield();
        }
    }

    [DllImport("libc", EntryPoint = "usleep")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int MicroSleep(uint microseconds);
}
