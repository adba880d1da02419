using System.Diagnostics.CodeAnalysis;

namespace Presence.SignalR;

/// <summary>
/// A dictionary that needs no object for its first entry: most connections have one presence and one pushed topic.
/// </summary>
internal struct OneOrMany<TKey, TValue>
    where TKey : IEquatable<TKey>
{
    private bool _hasFirst;
    private TKey _firstKey;
    private TValue _first;
    private Dictionary<TKey, TValue>? _others;

    public readonly int Count => (_hasFirst ? 1 : 0) + (_others?.Count ?? 0);

    /// <summary>Returns the keys as they are now.</summary>
    public readonly TKey[] Keys => (_hasFirst, _others) switch
    {
        (true, null) => [_firstKey],
        (true, _) => [_firstKey, .. _others.Keys],
        (false, null) => [],
        (false, _) => [.. _others.Keys],
    };

    public readonly bool TryGet(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_hasFirst && _firstKey.Equals(key))
        {
            value = _first;
            return true;
        }

        value = default;
        return _others is not null && _others.TryGetValue(key, out value);
    }

    public void Set(TKey key, TValue value)
    {
        var isFirst = _hasFirst ? _firstKey.Equals(key) : _others?.ContainsKey(key) is not true;
        if (isFirst)
        {
            (_hasFirst, _firstKey, _first) = (true, key, value);
        }
        else
        {
            (_others ??= [])[key] = value;
        }
    }

    public bool Remove(TKey key, [MaybeNullWhen(false)] out TValue value)
    {
        if (_hasFirst && _firstKey.Equals(key))
        {
            value = _first;
            (_hasFirst, _firstKey, _first) = (false, default!, default!);
            return true;
        }

        value = default;
        return _others is not null && _others.Remove(key, out value);
    }

    public void Clear() => this = default;
}
