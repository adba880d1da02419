using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>One observer: what waits for it, with one call in flight. What arrives meanwhile travels in the next call.</summary>
/// <param name="id">Its id on this silo.</param>
/// <param name="topic">The topic.</param>
/// <param name="observer">The observer.</param>
/// <param name="capacity">Maximum number of changes that wait. With more the observer is cut off.</param>
/// <param name="timeout">Maximum duration of one call. After it the observer is cut off.</param>
/// <param name="time">The clock.</param>
/// <param name="cutOff">Called at most once, from any thread: the observer is too slow, failed or gone.</param>
internal sealed class ObserverSubscription(
    string id,
    string topic,
    IPresenceObserver observer,
    int capacity,
    TimeSpan timeout,
    TimeProvider time,
    Action<ObserverSubscription> cutOff)
{
    private const int MaxChangesPerCall = 1000;

    private readonly Lock _gate = new();
    private readonly Queue<TopicChanges> _waiting = new();
    private long _renewed = time.GetTimestamp();
    private long _sequence;
    private int _waitingChanges;
    private bool _isSending;
    private bool _hasEnded;

    public string Id => id;

    public string Topic => topic;

    public bool HasEnded => Volatile.Read(ref _hasEnded);

    /// <summary>Keeps it for another while; false if it has ended or was not renewed for <paramref name="duration"/>.</summary>
    public bool TryRenew(TimeSpan duration)
    {
        if (HasEnded || IsOverdue(duration))
        {
            return false;
        }

        Volatile.Write(ref _renewed, time.GetTimestamp());
        return true;
    }

    public bool IsOverdue(TimeSpan duration) => time.GetElapsedTime(Volatile.Read(ref _renewed)) >= duration;

    public void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            _waiting.Clear();
        }
    }

    /// <summary>Queues changes, which are shared with other observers.</summary>
    /// <returns>Whether nothing was being sent: the caller must start <see cref="SendAsync"/>.</returns>
    public bool Post(TopicChanges changes)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return false;
            }

            if (_waitingChanges + changes.Changes.Count <= capacity)
            {
                _waiting.Enqueue(changes);
                _waitingChanges += changes.Changes.Count;
                return !_isSending && (_isSending = true);
            }
        }

        CutOff();
        return false;
    }

    /// <summary>Sends what waits until nothing does. Never throws.</summary>
    public async Task SendAsync()
    {
        try
        {
            while (Dequeue() is { } next)
            {
                await observer.Changed(next).WaitAsync(timeout, time);
            }
        }
        catch (Exception)
        {
            // Gone, too slow or broken. What it missed cannot be told later, so it has to subscribe again.
            CutOff();
        }
    }

    private TopicChanges? Dequeue()
    {
        lock (_gate)
        {
            if (_hasEnded || _waiting.Count == 0)
            {
                _isSending = false;
                return null;
            }

            var first = _waiting.Dequeue();
            var changes = first.Changes;
            if (_waiting.Count > 0 && changes.Count < MaxChangesPerCall)
            {
                var together = new List<PresenceChange>(changes);
                while (_waiting.TryPeek(out var more) && together.Count + more.Changes.Count <= MaxChangesPerCall)
                {
                    together.AddRange(_waiting.Dequeue().Changes);
                }

                changes = together;
            }

            _waitingChanges -= changes.Count;
            return first with { Sequence = ++_sequence, Changes = changes };
        }
    }

    /// <summary>Ends it, so that its next renewal returns false.</summary>
    public void CutOff()
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
            _waiting.Clear();
        }

        cutOff(this);
    }
}
