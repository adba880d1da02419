namespace Presence.Benchmarks.Measuring;

/// <summary>Processor time of this process.</summary>
internal static class Processor
{
    /// <summary>Returns the processor time during some work, per time that it takes: 1 is one core.</summary>
    public static async Task<double> ShareAsync(Func<Task> work)
    {
        using var self = Process.GetCurrentProcess();
        var before = self.TotalProcessorTime;
        var begun = Stopwatch.GetTimestamp();
        await work();
        self.Refresh();
        return (self.TotalProcessorTime - before) / Stopwatch.GetElapsedTime(begun);
    }
}
