using Presence.Tracker;

namespace Presence.Grains.Diffs;

/// <summary>The send queue of one observer, with one call in flight. Queued changes share the next call.</summary>
/// <remarks>A diff of any size is accepted behind another: a lost node may have had very many presences.</remarks>
/// <param name="id">The subscription's id on this silo.</param>
/// <param name="topic">The topic.</param>
/// <param name="observer">The observer.</param>
/// <param name="capacity">
/// Maximum number of changes that wait behind the diff that is being sent. The observer is cut off when it is exceeded.
/// </param>
/// <param name="timeout">Maximum duration of one call, after which the observer is cut off.</param>
/// <param name="time">The clock.</param>
/// <param name="cutOff">Called at most once, from any thread: the observer is slow, unreachable or failing.</param>
internal sealed class ObserverSubscription(
    string id,
    string topic,
    IPresenceObserver observer,
    int capacity,
    TimeSpan timeout,
    TimeProvider time,
    Action<ObserverSubscription> cutOff)
    : IThreadPoolWorkItem
{
    private const int MaxChangesPerCall = 1000;

    private readonly Lock _gate = new();
    private readonly Queue<TopicChanges> _waiting = new();
    private long _renewed = time.GetTimestamp();
    private long _sequence;
    private TopicChanges? _current;
    private int _currentSent;
    private int _waitingChanges;
    private bool _isSending;
    private bool _hasEnded;
    private IDisposable? _source;

    public string Id => id;

    public string Topic => topic;

    public bool HasEnded => Volatile.Read(ref _hasEnded);

    /// <summary>Renews it; returns false if it ended or was last renewed <paramref name="duration"/> ago.</summary>
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

    /// <summary>Makes the subscription end what posts its changes when it ends; at once if it has ended.</summary>
    public void Own(IDisposable source)
    {
        lock (_gate)
        {
            if (!_hasEnded)
            {
                _source = source;
                return;
            }
        }

        source.Dispose();
    }

    public void End()
    {
        IDisposable? source;
        lock (_gate)
        {
            _hasEnded = true;
            _current = null;
            _waiting.Clear();
            (source, _source) = (_source, null);
        }

        source?.Dispose();
    }

    /// <summary>Queues changes, which other observers share.</summary>
    /// <returns>
    /// True if the caller must call <see cref="StartSending"/> or <see cref="SendAsync"/>, because nothing was being
    /// sent.
    /// </returns>
    public bool Post(TopicChanges changes)
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return false;
            }

            if (!_isSending)
            {
                _current = changes;
                return _isSending = true;
            }

            if (_waiting.Count == 0 || _waitingChanges + changes.Changes.Count <= capacity)
            {
                _waiting.Enqueue(changes);
                _waitingChanges += changes.Changes.Count;
                return false;
            }
        }

        CutOff();
        return false;
    }

    /// <summary>Queues changes, and sends them on the thread pool. Never waits.</summary>
    public void PostAndSend(TopicChanges changes)
    {
        if (Post(changes))
        {
            StartSending();
        }
    }

    /// <summary>Sends on the thread pool.</summary>
    public void StartSending() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    void IThreadPoolWorkItem.Execute() => _ = SendAsync();

    /// <summary>Sends until the queue is empty. Never throws.</summary>
    public async Task SendAsync()
    {
        try
        {
            while (Dequeue() is { } next)
            {
                await observer.OnChanges(next).WaitAsync(timeout, time);
            }
        }
        catch (Exception)
        {
            // The missed changes cannot be resent, so the observer has to subscribe again.
            CutOff();
        }
    }

    private TopicChanges? Dequeue()
    {
        lock (_gate)
        {
            if (!_hasEnded && (_current ?? DequeueWaiting()) is { } first)
            {
                return first with { Sequence = ++_sequence, Changes = Next(first) };
            }

            _isSending = false;
            return null;
        }
    }

    /// <summary>Returns what the next call sends: a part of a diff, or the rest of it and later ones.</summary>
    private IReadOnlyList<PresenceChange> Next(TopicChanges current)
    {
        var (changes, from) = (current.Changes, _currentSent);
        var left = changes.Count - from;
        if (left > MaxChangesPerCall)
        {
            (_current, _currentSent) = (current, from + MaxChangesPerCall);
            return [.. changes.Skip(from).Take(MaxChangesPerCall)];
        }

        (_current, _currentSent) = (null, 0);
        if (from == 0 && (!_waiting.TryPeek(out var next) || left + next.Changes.Count > MaxChangesPerCall))
        {
            return changes;
        }

        var merged = new List<PresenceChange>(changes.Skip(from));
        while (_waiting.TryPeek(out var more) && merged.Count + more.Changes.Count <= MaxChangesPerCall)
        {
            merged.AddRange(DequeueWaiting()!.Changes);
        }

        return merged;
    }

    private TopicChanges? DequeueWaiting()
    {
        if (_waiting.TryDequeue(out var next))
        {
            _waitingChanges -= next.Changes.Count;
        }

        return next;
    }

    /// <summary>Ends the subscription, so that its next renewal returns false.</summary>
    public void CutOff()
    {
        lock (_gate)
        {
            if (_hasEnded)
            {
                return;
            }

            _hasEnded = true;
            _current = null;
            _waiting.Clear();
        }

        cutOff(this);
    }
}
