using System.Runtime;

namespace Presence.Benchmarks.Measuring;

/// <summary>Waits for the JIT compiler, which optimizes methods in the background.</summary>
internal static class Jit
{
    private const int QuietChecks = 5;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(20);

    /// <summary>Waits, 20 s at most, until no method has been compiled for a second.</summary>
    public static async Task WaitUntilIdleAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        var compiled = JitInfo.GetCompiledMethodCount();
        for (var quiet = 0; quiet < QuietChecks && Stopwatch.GetElapsedTime(begun) < MaxWait;)
        {
            await Task.Delay(Period);
            var now = JitInfo.GetCompiledMethodCount();
            (compiled, quiet) = (now, now == compiled ? quiet + 1 : 0);
        }
    }
}
