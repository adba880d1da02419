namespace Presence.Benchmarks.Measuring;

/// <summary>
/// Measures how far two processors are from each other. A hypervisor may move virtual processors, within seconds,
/// between cores that share a cache and cores that do not; what threads hand to each other then takes several times as
/// long, and the rate of a grain call halves.
/// </summary>
internal static class Processors
{
    /// <summary>The round trip of a cache line, in ns, between cores that share a cache.</summary>
    public const double Near = 200;

    private const int Samples = 5;
    private const int Trips = 10_000;
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>Waits, 20 s at most, until two processors are near each other.</summary>
    /// <returns>The last round trip, in ns.</returns>
    public static async Task<double> WaitUntilNearAsync()
    {
        var begun = Stopwatch.GetTimestamp();
        double last;
        while ((last = RoundTrip()) > Near && Stopwatch.GetElapsedTime(begun) < MaxWait)
        {
            await Task.Delay(Pause);
        }

        return last;
    }

    /// <summary>Returns how many ns a cache line takes to another thread and back: the best of some samples.</summary>
    public static double RoundTrip()
    {
        if (Environment.ProcessorCount == 1)
        {
            return 0;
        }

        var line = new Line();
        var answers = new Thread(() =>
        {
            for (var next = 1; next < Samples * Trips * 2; next += 2)
            {
                while (Volatile.Read(ref line.Value) != next)
                {
                    // The other thread has it.
                }

                Volatile.Write(ref line.Value, next + 1);
            }
        });
        answers.Start();
        var best = double.MaxValue;
        for (var sample = 0; sample < Samples; sample++)
        {
            var begun = Stopwatch.GetTimestamp();
            for (var trip = 0; trip < Trips; trip++)
            {
                var sent = (((sample * Trips) + trip) * 2) + 1;
                Volatile.Write(ref line.Value, sent);
                while (Volatile.Read(ref line.Value) == sent)
                {
                    // The other thread has it.
                }
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalNanoseconds / Trips);
        }

        answers.Join();
        return best;
    }

    /// <summary>A number that shares its cache line with nothing else.</summary>
    [System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit, Size = 256)]
    private sealed class Line
    {
        [System.Runtime.InteropServices.FieldOffset(128)]
        public int Value;
    }
}
