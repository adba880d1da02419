namespace Presence.Benchmarks.Measuring;

/// <summary>What is in use after everything that can be let go of was let go of.</summary>
internal static class Memory
{
    /// <summary>Bytes of living objects.</summary>
    public static long Living()
    {
        CleanUp();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>Bytes of the whole process that are in physical memory.</summary>
    public static long WholeProcess()
    {
        CleanUp();
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>Collects and gives memory back to the system.</summary>
    public static void CleanUp()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
