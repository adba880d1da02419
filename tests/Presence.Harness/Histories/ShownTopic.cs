namespace Presence.Harness.Histories;

/// <summary>An observer's view of a topic: the state, with diffs applied as the Phoenix client does.</summary>
public sealed class ShownTopic
{
    private readonly Dictionary<string, Shown> _byRef = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Shown> Presences => _byRef.Values;

    public bool Contains(string reference) => _byRef.ContainsKey(reference);

    /// <summary>Returns whether this join is visible, in any version.</summary>
    public Shown? Find(string presence) => _byRef.Values.FirstOrDefault(shown => shown.Presence == presence);

    public void Replace(IEnumerable<Shown> presences)
    {
        _byRef.Clear();
        foreach (var shown in presences)
        {
            _byRef[shown.Ref] = shown;
        }
    }

    /// <summary>Applies joins before leaves: an update has both, and the presence must not disappear.</summary>
    public void Apply(IEnumerable<Shown> joins, IEnumerable<Shown> leaves)
    {
        foreach (var shown in joins)
        {
            _byRef[shown.Ref] = shown;
        }

        foreach (var shown in leaves)
        {
            _byRef.Remove(shown.Ref);
        }
    }
}
