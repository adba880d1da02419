namespace Presence.Tracker;

/// <summary>What to do about a frame that came under this member's own name.</summary>
internal enum NamesakeVerdict
{
    /// <summary>An echo, or a leftover of an earlier start: nothing.</summary>
    Ignore,

    /// <summary>An incarnation at or above ours was used: go on above it.</summary>
    Restart,

    /// <summary>A living namesake that started after us: stop with an error.</summary>
    Stop,
}

/// <summary>Tells the leftovers of an earlier start under this name from another living process with it.</summary>
/// <remarks>
/// A leftover, however late, cannot answer: only a living namesake can use an incarnation above one that was chosen here
/// after it was first seen.
/// </remarks>
internal sealed class Namesake(ulong started, ulong instance)
{
    private const ulong MostStep = 1 << 20;

    private ulong _seen;
    private ulong _chosen;

    public NamesakeVerdict Judge(Sender from, ulong ownIncarnation)
    {
        if (from.Instance == instance && from.Started == started)
        {
            return NamesakeVerdict.Ignore;
        }

        if (from.Replica.Incarnation < ownIncarnation)
        {
            return NamesakeVerdict.Ignore;
        }

        var lives = from.Instance == _seen && _chosen != 0 && from.Replica.Incarnation > _chosen;
        if (lives && (from.Started, from.Instance).CompareTo((started, instance)) > 0)
        {
            return NamesakeVerdict.Stop;
        }

        _seen = from.Instance;
        return NamesakeVerdict.Restart;
    }

    /// <summary>
    /// An incarnation above one that was used. By a step of this process alone, because a living namesake may be choosing
    /// from the same one at the same moment.
    /// </summary>
    public ulong Choose(ulong above) => _chosen = above + 1 + (instance % MostStep);
}
