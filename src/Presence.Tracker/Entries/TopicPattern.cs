namespace Presence.Tracker.Entries;

/// <summary>A topic, or a prefix of topics if it ends with <c>*</c>.</summary>
internal sealed class TopicPattern
{
    private readonly string _text;
    private readonly bool _wildcard;

    public TopicPattern(string pattern)
    {
        ArgumentException.ThrowIfNullOrEmpty(pattern);
        _wildcard = pattern.EndsWith('*');
        _text = _wildcard ? pattern[..^1] : pattern;
        if (_text.Contains('*', StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"Pattern '{pattern}': a wildcard is allowed only at the end, as in 'room:*'.", nameof(pattern));
        }
    }

    /// <summary>Gets whether the pattern is a prefix.</summary>
    public bool IsPrefix => _wildcard;

    /// <summary>Gets the topic, or the prefix without its wildcard.</summary>
    public string Text => _text;

    /// <summary>Gets the pattern as it was given.</summary>
    public string Pattern => _wildcard ? _text + '*' : _text;

    public bool IsSame(TopicPattern other) => _wildcard == other._wildcard && _text == other._text;

    /// <summary>Returns whether each topic that matches another pattern matches this one too.</summary>
    public bool Contains(TopicPattern other) => _wildcard
        ? other._text.StartsWith(_text, StringComparison.Ordinal)
        : IsSame(other);

    public bool Matches(string topic) => _wildcard
        ? topic.StartsWith(_text, StringComparison.Ordinal)
        : string.Equals(topic, _text, StringComparison.Ordinal);
}
