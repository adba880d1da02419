namespace Presence.Harness.Histories;

/// <summary>What an observer knows of a topic: the state, and the diffs folded into it as the stock client does.</summary>
public sealed class ShownTopic
{
    private readonly Dictionary<string, Shown> _byRef = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Shown> Everybody => _byRef.Values;

    public bool Contains(string reference) => _byRef.ContainsKey(reference);

    /// <summary>Whether this join is shown, in whatever version.</summary>
    public Shown? Find(string presence) => _byRef.Values.FirstOrDefault(shown => shown.Presence == presence);

    public void Replace(IEnumerable<Shown> everybody)
    {
        _byRef.Clear();
        foreach (var shown in everybody)
        {
            _byRef[shown.Ref] = shown;
        }
    }

    /// <summary>Joins first, then leaves: an update is both, and nobody is gone in between.</summary>
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
