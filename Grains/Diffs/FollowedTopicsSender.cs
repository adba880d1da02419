namespace Presence.Grains.Diffs;

/// <summary>
/// Sends to one node which topics are followed and which are not any more: one call at a time, because Orleans may
/// reorder two. What is said of a topic while a call runs replaces what was waiting, which bounds the queue.
/// </summary>
internal sealed class FollowedTopicsSender(Func<IReadOnlyList<string>, bool, Task> call)
{
    private const int MaxTopicsPerCall = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, bool> _waiting = new(StringComparer.Ordinal);
    private bool _isSending;

    /// <summary>Queues topics; returns at once.</summary>
    public void Send(IReadOnlyList<string> topics, bool areFollowed)
    {
        lock (_gate)
        {
            foreach (var topic in topics)
            {
                _waiting[topic] = areFollowed;
            }

            if (_isSending || _waiting.Count == 0)
            {
                return;
            }

            _isSending = true;
        }

        _ = SendAsync();
    }

    private async Task SendAsync()
    {
        while (Next() is { } next)
        {
            await call(next.Topics, next.AreFollowed);
        }
    }

    private (List<string> Topics, bool AreFollowed)? Next()
    {
        lock (_gate)
        {
            if (_waiting.Count == 0)
            {
                _isSending = false;
                return null;
            }

            var areFollowed = _waiting.First().Value;
            var topics = _waiting.Where(t => t.Value == areFollowed).Select(t => t.Key).Take(MaxTopicsPerCall).ToList();
            topics.ForEach(t => _waiting.Remove(t));
            return (topics, areFollowed);
        }
    }
}
