namespace Presence.Benchmarks.Measuring;

/// <summary>Measures memory after collection.</summary>
internal static class Memory
{
    /// <summary>Returns the bytes of live objects.</summary>
    public static long Living()
    {
        CleanUp();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    /// <summary>Returns the physical memory of the process, in bytes.</summary>
    public static long WholeProcess()
    {
        CleanUp();
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>Collects and returns memory to the system.</summary>
    public static void CleanUp()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }
}
