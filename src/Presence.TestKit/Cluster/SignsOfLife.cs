using Presence.Crdt;

namespace Presence.TestKit;

/// <summary>When a member was last given something that proves another one alive, on its own clock.</summary>
internal sealed class SignsOfLife
{
    private readonly Dictionary<ReplicaId, TimeSpan> _frames = [];
    private readonly Dictionary<string, TimeSpan> _answers = new(StringComparer.Ordinal);

    public void Frame(ReplicaId from, TimeSpan now) => _frames[from] = now;

    public void Answered(string member, TimeSpan now) => _answers[member] = now;

    /// <summary>The last sign, or null if there was none.</summary>
    public TimeSpan? Last(ReplicaId replica)
    {
        TimeSpan? last = _frames.TryGetValue(replica, out var frame) ? frame : null;
        return _answers.TryGetValue(replica.Node, out var answer) && (last is null || answer > last) ? answer : last;
    }
}
