namespace Presence.Benchmarks.Measuring;

/// <summary>The amount of work for one figure.</summary>
/// <param name="Runs">How often the whole measurement is repeated; the median of the runs is printed.</param>
/// <param name="Samples">Timed repetitions of a small operation.</param>
/// <param name="Heavy">Timed repetitions of an operation that takes long to prepare.</param>
/// <param name="Watching">Duration of an observation under load.</param>
internal sealed record Effort(
    int Runs, int Tracks, int Updates, int Samples, int Heavy, int Latencies, TimeSpan Watching)
{
    public static Effort Full { get; } = new(3, 100_000, 50_000, 2000, 5, 400, TimeSpan.FromSeconds(10));

    public static Effort Quick { get; } = new(1, 50_000, 25_000, 300, 1, 60, TimeSpan.FromSeconds(1));
}
