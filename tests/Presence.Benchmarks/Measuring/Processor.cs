using System.Runtime;

namespace Presence.Benchmarks.Measuring;

/// <summary>Processor time of this process.</summary>
internal static class Processor
{
    /// <summary>
    /// Returns the processor time during some work, per time that it takes: 1 is one core. That of the JIT compiler
    /// does not count: it optimizes for minutes what a silo does a few times a second, and then never again.
    /// </summary>
    public static async Task<double> ShareAsync(Func<Task> work)
    {
        using var self = Process.GetCurrentProcess();
        var compiling = JitInfo.GetCompilationTime();
        var before = self.TotalProcessorTime;
        var begun = Stopwatch.GetTimestamp();
        await work();
        self.Refresh();
        var used = self.TotalProcessorTime - before - (JitInfo.GetCompilationTime() - compiling);
        return used / Stopwatch.GetElapsedTime(begun);
    }
}
