namespace Presence.Channels.Runtime;

/// <summary>The bytes of all clients of this node that wait (<see cref="ChannelLimits.MaxWaitingBytes"/>).</summary>
internal sealed class WaitingBytes(ChannelLimits limits)
{
    /// <summary>
    /// The part of the memory that may wait: pools of arrays, buffers of the web server and garbage come on top.
    /// </summary>
    private const int PartOfMemory = 6;

    /// <summary>The use of the memory at which clients are cut off although they have less than the limit.</summary>
    private const double MaxMemoryUse = 0.75;

    private readonly long _limit = LimitOf(limits, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
    private long _total;

    public long Total => Volatile.Read(ref _total);
    public bool IsExceeded => Total > _limit;

    /// <summary>Gets the bytes at which enough clients are cut off: not each further frame shall cut off one.</summary>
    public long Relieved => _limit / 8 * 7;

    /// <summary>Gets whether the memory that the process may use is almost used.</summary>
    public bool IsMemoryShort => MemoryUse() > MaxMemoryUse;

    /// <summary>Gets or sets what returns the used part of the memory, as of the last collection.</summary>
    public Func<double> MemoryUse { get; set; } = static () =>
        GC.GetGCMemoryInfo() is { TotalAvailableMemoryBytes: > 0 } memory
            ? (double)memory.HeapSizeBytes / memory.TotalAvailableMemoryBytes
            : 0;

    /// <summary>Returns the limit of a process that may use so many bytes of memory; 0: unknown.</summary>
    public static long LimitOf(ChannelLimits limits, long memory) => memory <= 0
        ? limits.MaxWaitingBytes
        : Math.Min(limits.MaxWaitingBytes, Math.Max(limits.MaxFrameBytes, memory / PartOfMemory));

    public void Add(long bytes)
    {
        if (bytes != 0)
        {
            Interlocked.Add(ref _total, bytes);
        }
    }

    public void Remove(long bytes) => Add(-bytes);
}

/// <summary>A client or request whose bytes wait.</summary>
internal interface IWaitingClient
{
    long WaitingBytes { get; }

    /// <summary>Cuts it off and stops to count its bytes.</summary>
    void CutOff();
}
