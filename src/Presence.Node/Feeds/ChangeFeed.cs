using System.Runtime.CompilerServices;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>The changes of one topic for any number of readers of this process, from one subscription.</summary>
/// <remarks>
/// Readers have no queues of their own: all read from one bounded log. A reader that falls behind the log receives the
/// state. So does one that comes back with a cursor that neither the log nor the node's history reaches. The first
/// change after a quiet time is published at once, later ones together after the interval, or when half of the readers
/// have received the diff before, but not later than <see cref="MaxInterval"/>: more diffs than readers can take are
/// work without use.
/// </remarks>
internal sealed class ChangeFeed
{
    /// <summary>Maximum number of diffs in the log.</summary>
    public const int MaxDiffs = 256;

    /// <summary>Maximum number of changes in the log, except that it keeps the newest diff.</summary>
    public const int MaxChanges = 4096;

    /// <summary>Maximum time for which changes wait for readers that have not received the diff before.</summary>
    public static readonly TimeSpan MaxInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>Maximum number of answers to cursors that are kept until the next diff.</summary>
    private const int MaxAnswers = 256;

    /// <summary>With fewer changes it is not checked whether the state is smaller.</summary>
    private const int MinChanges = 16;

    private readonly Lock _gate = new();
    private readonly string _topic;
    private readonly ulong _id = (ulong)Random.Shared.NextInt64();
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly FeedInstruments _instruments;
    private readonly ITimer _timer;
    private readonly FeedDiff?[] _log = new FeedDiff?[MaxDiffs];
    private readonly DiffCoalescer _pending = new();
    private readonly Dictionary<string, FeedDiff?> _answers = new(StringComparer.Ordinal);
    private MissedQuery? _missed;
    private TopicDigest? _digest;
    private string? _cursor;
    private long _shownVersion;
    private long _newestVersion;
    private TaskCompletionSource _next = NewSource();
    private TopicSnapshot? _shown;
    private TopicSnapshot? _newest;
    private FeedState? _state;
    private bool _isStarted;
    private bool _isWaiting;
    private long _publishedAt;
    private long _first = 1;
    private long _sequence;
    private int _logged;
    private int _readers;
    private int _upToDate;

    public ChangeFeed(string topic, TimeSpan interval, TimeProvider time, FeedInstruments instruments)
    {
        (_topic, _interval, _time, _instruments) = (topic, interval, time, instruments);
        _publishedAt = time.GetTimestamp() - (long)(interval.TotalSeconds * time.TimestampFrequency);
        using var _ = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        _timer = time.CreateTimer(
            static feed => ((ChangeFeed)feed!).Flush(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Begins with a snapshot, if no change has come before.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="version">Its version.</param>
    /// <param name="missed">Finds what readers of other servers have missed; null if nothing is remembered.</param>
    public void Start(TopicSnapshot snapshot, long version = 0, MissedQuery? missed = null)
    {
        lock (_gate)
        {
            if (_shown is null)
            {
                (_shown, _shownVersion) = (snapshot, version);
            }

            _missed = missed;
            _digest = missed is null ? null : TopicDigest.Of(_topic, _shown);
            SetCursor();
            _isStarted = true;
        }
    }

    /// <summary>Adds changes. One call at a time.</summary>
    public void OnChanges(IReadOnlyList<PresenceChange> changes, TopicSnapshot after, long version = 0)
    {
        TaskCompletionSource? published = null;
        lock (_gate)
        {
            if (!_isStarted)
            {
                (_shown, _shownVersion) = (after, version);
                return;
            }

            foreach (var change in changes)
            {
                _pending.Add(change);
            }

            var wait = ToNextDiff;
            if (!_isWaiting && wait <= TimeSpan.Zero)
            {
                published = Publish(after, version);
            }
            else
            {
                (_newest, _newestVersion) = (after, version);
                if (!_isWaiting)
                {
                    _isWaiting = true;
                    _timer.Change(wait, Timeout.InfiniteTimeSpan);
                }
            }
        }

        published?.TrySetResult();
    }

    /// <summary>
    /// Wakes all readers, so that they see that the connection is alive, and releases what most have received.
    /// </summary>
    public void Pulse()
    {
        TaskCompletionSource next;
        lock (_gate)
        {
            _state?.Release();
            _log[_sequence % MaxDiffs]?.Release();
            next = _next;
            _next = NewSource();
        }

        next.TrySetResult();
    }

    public void Stop() => _timer.Dispose();

    /// <summary>
    /// Returns what the holder of a cursor misses, or else the state, and then every change; null with each pulse.
    /// </summary>
    public async IAsyncEnumerable<FeedMessage?> ReadAsync(
        FeedCursor? cursor, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var position = cursor is { } at && at.Feed == _id ? at.Sequence : -1;
        var isFirst = true;
        Interlocked.Increment(ref _readers);
        try
        {
            while (true)
            {
                // A reader that was stopped gets nothing of what is there already.
                cancellation.ThrowIfCancellationRequested();
                if (TryRead(ref position, isFirst ? cursor : null, isFirst, out var message, out var next))
                {
                    isFirst = false;
                    yield return message;
                    continue;
                }

                isFirst = false;
                await next.WaitAsync(cancellation).ConfigureAwait(false);
                if (!HasMore(position))
                {
                    yield return null;
                }
            }
        }
        finally
        {
            Interlocked.Decrement(ref _readers);
        }
    }

    private bool TryRead(
        ref long position, FeedCursor? cursor, bool isFirst, out FeedMessage? message, out Task next)
    {
        lock (_gate)
        {
            var isInLog = position >= _first - 1 && position <= _sequence;
            var answer = isInLog || cursor is null ? null : MissedOrNewer(cursor.Value.Digest);
            next = _next.Task;
            if (cursor is not null)
            {
                _instruments.Resumed(isInLog ? "log" : answer is null ? "state" : "cursor");
            }

            if (position == _sequence)
            {
                message = null;
                return false;
            }

            if (isInLog)
            {
                message = _log[++position % MaxDiffs];
                _upToDate += position == _sequence ? 1 : 0;
                return true;
            }

            _upToDate++;
            if (answer is not null)
            {
                position = _sequence;
                message = answer.Changes.Count > 0 ? answer : null;
                return message is not null;
            }

            if (!isFirst)
            {
                _instruments.Lagged(_topic);
            }

            position = _sequence;
            message = _state ??= new FeedState(_topic, Position, _shown!);
            return true;
        }
    }

    private FeedCursor Position => new(_id, _sequence, _cursor);

    /// <summary>
    /// As <see cref="Missed"/>. The reader may have seen on another server what waits here for the end of the interval:
    /// before it is given the state, the waiting changes are published.
    /// </summary>
    private FeedDiff? MissedOrNewer(string? digest)
    {
        if (Missed(digest) is { } answer)
        {
            return answer;
        }

        if (digest is null || _newest is null)
        {
            return null;
        }

        PublishNewest()?.TrySetResult();
        return Missed(digest);
    }

    /// <summary>Returns what a reader of another server has missed; null if it needs the state.</summary>
    private FeedDiff? Missed(string? digest)
    {
        if (digest is null || _digest is null || _answers.TryGetValue(digest, out var answer))
        {
            return digest is null ? null : _answers.GetValueOrDefault(digest);
        }

        if (TopicCursor.TryParse(digest, out var cursor)
            && _missed!(cursor, _digest, _shownVersion) is { } changes
            && changes.Count <= Math.Max(MinChanges, _shown!.Count))
        {
            answer = new FeedDiff(_topic, Position, FeedDiff.Mark(changes, _shown));
        }

        if (_answers.Count < MaxAnswers)
        {
            _answers.Add(digest, answer);
        }

        return answer;
    }

    private bool HasMore(long position)
    {
        lock (_gate)
        {
            return position != _sequence;
        }
    }

    private void Flush()
    {
        TaskCompletionSource? published = null;
        lock (_gate)
        {
            _isWaiting = _newest is not null && IsBehind && ToNextDiff > TimeSpan.Zero;
            if (_isWaiting)
            {
                _timer.Change(ToNextDiff, Timeout.InfiniteTimeSpan);
                return;
            }

            published = PublishNewest();
        }

        published?.TrySetResult();
    }

    /// <summary>Gets whether most readers have yet to take the last diff.</summary>
    private bool IsBehind => _upToDate < Volatile.Read(ref _readers) / 2;

    /// <summary>Gets the time until changes may be published, or this is asked again; zero or less: now.</summary>
    private TimeSpan ToNextDiff
    {
        get
        {
            var elapsed = _time.GetElapsedTime(_publishedAt);
            return !IsBehind ? _interval - elapsed
                : MaxInterval - elapsed < _interval ? MaxInterval - elapsed : _interval;
        }
    }

    private TaskCompletionSource? PublishNewest()
    {
        if (_newest is not { } after)
        {
            return null;
        }

        _newest = null;
        return Publish(after, _newestVersion);
    }

    private TaskCompletionSource? Publish(TopicSnapshot after, long version)
    {
        var changes = _pending.Drain();
        (_shown, _shownVersion) = (after, version);
        _answers.Clear();
        if (changes.Count == 0)
        {
            return null;
        }

        foreach (var change in _digest is null ? [] : changes)
        {
            if (change.LastShown is { } former)
            {
                _digest!.Remove(former);
            }

            if (change.Kind != PresenceChangeKind.Left)
            {
                _digest!.Add(change.Entry);
            }
        }

        _log[_sequence % MaxDiffs]?.Release();
        _sequence++;
        SetCursor();
        var diff = new FeedDiff(_topic, Position, changes);
        _logged += diff.Changes.Count;
        while (_first < _sequence && (_logged > MaxChanges || _sequence - _first >= MaxDiffs))
        {
            _logged -= _log[_first % MaxDiffs]!.Changes.Count;
            _log[_first++ % MaxDiffs] = null;
        }

        _log[_sequence % MaxDiffs] = diff;
        _state?.Release();
        _state = null;
        _upToDate = 0;
        _publishedAt = _time.GetTimestamp();
        var next = _next;
        _next = NewSource();
        return next;
    }

    private void SetCursor() => _cursor = _digest is not null && TopicCursor.Of(_digest) is { } cursor
        && cursor.Text.Length <= FeedCursor.MaxDigest ? cursor.Text : null;

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
