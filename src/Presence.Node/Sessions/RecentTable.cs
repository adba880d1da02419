using System.Diagnostics.CodeAnalysis;

namespace Presence.Node.Sessions;

/// <summary>Remembers values for a time; beyond its capacity it forgets the oldest. Not thread-safe.</summary>
internal sealed class RecentTable<TKey, TValue>(int capacity)
    where TKey : notnull
{
    private readonly Dictionary<TKey, (TValue Value, TimeSpan Until)> _values = [];
    private readonly Queue<(TKey Key, TimeSpan Until)> _order = new();

    public int Count => _values.Count;

    public bool TryGet(TKey key, TimeSpan now, [MaybeNullWhen(false)] out TValue value)
    {
        var isKnown = _values.TryGetValue(key, out var found) && now < found.Until;
        value = isKnown ? found.Value : default;
        return isKnown;
    }

    public void Set(TKey key, TValue value, TimeSpan now, TimeSpan duration)
    {
        _values[key] = (value, now + duration);
        _order.Enqueue((key, now + duration));
        while (_order.TryPeek(out var oldest) && (oldest.Until <= now || _order.Count > capacity))
        {
            _order.Dequeue();
            if (_values.TryGetValue(oldest.Key, out var current) && current.Until == oldest.Until)
            {
                _values.Remove(oldest.Key);
            }
        }
    }

    public void Remove(TKey key) => _values.Remove(key);
}
