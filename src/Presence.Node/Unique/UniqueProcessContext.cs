namespace Presence.Node;

/// <summary>What a unique process knows about its term: the time in which this member runs it.</summary>
public sealed class UniqueProcessContext
{
    /// <summary>The largest state that can be left to a successor, in bytes.</summary>
    public const int MaxStateBytes = 32 * 1024;

    private readonly IUniqueTerm _term;
    private readonly TimeProvider _time;
    private long _lastBeat;

    internal UniqueProcessContext(string name, string nodeName, UniqueProcessMode mode, IUniqueTerm term, TimeProvider time, CancellationToken stopping)
    {
        Name = name;
        NodeName = nodeName;
        Mode = mode;
        _term = term;
        _time = time;
        Stopping = stopping;
        _lastBeat = time.GetTimestamp();
    }

    /// <summary>The name that is unique.</summary>
    public string Name { get; }

    /// <summary>This member.</summary>
    public string NodeName { get; }

    /// <summary>What is promised.</summary>
    public UniqueProcessMode Mode { get; }

    /// <summary>
    /// Consistent mode: the fencing token of this term, larger than that of every earlier one. Give it to the resource that the
    /// process changes, and let that refuse a smaller one than it has seen. Null in available mode: there can be none.
    /// </summary>
    public long? Epoch => _term.Epoch;

    /// <summary>What the predecessor left with <see cref="LeaveState"/> on a planned stop; empty otherwise.</summary>
    public ReadOnlyMemory<byte> Inherited => _term.Inherited;

    /// <summary>Cancelled when the process shall end; <see cref="StopReason"/> is set before.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>Why, once <see cref="Stopping"/> is cancelled; null before.</summary>
    public UniqueStopReason? StopReason { get; internal set; }

    /// <summary>
    /// Whether the term still lasts by this member's own clock, time in suspension included. Ask before a side effect on
    /// anything that cannot check <see cref="Epoch"/>.
    /// </summary>
    public bool IsCurrent => StopReason is null && _term.IsCurrent;

    internal ReadOnlyMemory<byte> State { get; private set; }

    internal TimeSpan SinceBeat => _time.GetElapsedTime(Interlocked.Read(ref _lastBeat));

    /// <summary>Says that the process is not hung, where a watchdog was set.</summary>
    public void Beat() => Interlocked.Exchange(ref _lastBeat, _time.GetTimestamp());

    /// <summary>
    /// What the next holder shall find in <see cref="Inherited"/> if this term ends by plan (shutdown, hand-over, end). May be called
    /// until the process has ended; the last call counts. Lost in a crash: whatever must survive one belongs into a store.
    /// </summary>
    /// <exception cref="ArgumentException">It is larger than <see cref="MaxStateBytes"/>.</exception>
    public void LeaveState(ReadOnlyMemory<byte> state)
    {
        if (state.Length > MaxStateBytes)
        {
            throw new ArgumentException($"The state has {state.Length} bytes; at most {MaxStateBytes} can be left to a successor.", nameof(state));
        }

        State = state.ToArray();
    }
}
