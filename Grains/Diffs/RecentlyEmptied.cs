namespace Presence.Grains.Diffs;

/// <summary>
/// Topics that lost their last presence not long ago. They are in no list, yet a new home must say that they are empty:
/// otherwise the subscribers keep the last ones for ever.
/// </summary>
/// <remarks>Two generations of bounded size; what does not fit is forgotten, which costs those topics their reset.</remarks>
internal sealed class RecentlyEmptied
{
    private const int Most = 50_000;
    private readonly Lock _gate = new();
    private HashSet<string> _young = new(StringComparer.Ordinal);
    private HashSet<string> _old = new(StringComparer.Ordinal);

    public void Add(string topic)
    {
        lock (_gate)
        {
            if (_young.Count < Most)
            {
                _young.Add(topic);
            }
        }
    }

    public IReadOnlyList<string> Topics()
    {
        lock (_gate)
        {
            return [.. _young.Union(_old)];
        }
    }

    /// <summary>Forgets the older generation.</summary>
    public void Age()
    {
        lock (_gate)
        {
            (_old, _young) = (_young, new(StringComparer.Ordinal));
        }
    }
}
