namespace Presence.Node;

/// <summary>The context of a unique process for one leadership: the period in which this node runs it.</summary>
public sealed class UniqueProcessContext
{
    /// <summary>Maximum size of the handover state, in bytes.</summary>
    public const int MaxStateBytes = 32 * 1024;

    private readonly ILeadership _leadership;
    private readonly TimeProvider _time;
    private long _lastReportedHealthy;

    internal UniqueProcessContext(
        string name,
        string nodeName,
        UniqueProcessMode mode,
        ILeadership leadership,
        TimeProvider time,
        CancellationToken stopping)
    {
        Name = name;
        NodeName = nodeName;
        Mode = mode;
        _leadership = leadership;
        _time = time;
        StoppingToken = stopping;
        _lastReportedHealthy = time.GetTimestamp();
    }

    /// <summary>Gets the name of the unique process.</summary>
    public string Name { get; }

    /// <summary>Gets the name of this node.</summary>
    public string NodeName { get; }

    /// <summary>Gets the mode.</summary>
    public UniqueProcessMode Mode { get; }

    /// <summary>
    /// Gets the fencing token, larger than that of every earlier leadership; null in available mode. Pass it to the
    /// resource that the process changes, which must reject a token smaller than one it has seen.
    /// </summary>
    public long? Epoch => _leadership.Epoch;

    /// <summary>Gets the predecessor's <see cref="SetHandoverState"/> after a planned stop; empty otherwise.</summary>
    public ReadOnlyMemory<byte> HandoverState => _leadership.HandoverState;

    /// <summary>Gets the token that requests the process to stop; <see cref="StopReason"/> is set before.</summary>
    public CancellationToken StoppingToken { get; }

    /// <summary>Gets the reason of the stop; null before <see cref="StoppingToken"/> is cancelled.</summary>
    public UniqueStopReason? StopReason { get; internal set; }

    /// <summary>
    /// Gets whether the leadership is held by this node's clock, including time in suspension. Check it before a side
    /// effect on a resource that cannot check <see cref="Epoch"/>.
    /// </summary>
    public bool IsHeld => StopReason is null && _leadership.IsHeld;

    internal ReadOnlyMemory<byte> State { get; private set; }

    internal TimeSpan SinceReportedHealthy => _time.GetElapsedTime(Interlocked.Read(ref _lastReportedHealthy));

    /// <summary>Resets the watchdog (<see cref="UniqueProcessOptions.WatchdogTimeout"/>).</summary>
    public void ReportHealthy() => Interlocked.Exchange(ref _lastReportedHealthy, _time.GetTimestamp());

    /// <summary>
    /// Sets the <see cref="HandoverState"/> of the next holder, for a planned stop (shutdown, hand-over, end). May be
    /// called until the process has ended; the last call wins. A crash loses it: store what must survive one.
    /// </summary>
    /// <exception cref="ArgumentException">The state is larger than <see cref="MaxStateBytes"/>.</exception>
    public void SetHandoverState(ReadOnlyMemory<byte> state)
    {
        if (state.Length > MaxStateBytes)
        {
            throw new ArgumentException($"The state has {state.Length} bytes; at most {MaxStateBytes}.", nameof(state));
        }

        State = state.ToArray();
    }
}
