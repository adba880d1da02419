namespace Presence.Harness;

/// <summary>Measures how many bytes code allocates on its thread.</summary>
/// <remarks>
/// The runtime also allocates on the thread, for example when it compiles the code or loads a type. It does so at times
/// of its own, so exact bounds hold for the smallest of several runs: each run allocates what the code itself needs.
/// </remarks>
public static class AllocatedBytes
{
    /// <summary>Returns the bytes that one run allocates.</summary>
    public static long Of(Action run)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        run();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>Returns the smallest of five measurements.</summary>
    /// <param name="measure">Prepares anew and returns the result of <see cref="Of"/>.</param>
    public static long Fewest(Func<long> measure) => Enumerable.Range(0, 5).Min(_ => measure());
}
