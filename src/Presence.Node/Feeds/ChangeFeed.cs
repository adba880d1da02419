using Presence.Tracker;
using Presence.Tracker.Counts;
using Presence.Tracker.Cursors;

namespace Presence.Node.Feeds;

/// <summary>The changes of one topic for any number of readers of this process, from one subscription.</summary>
/// <remarks>
/// Readers have no queues of their own: all read from one bounded log. A reader that falls behind the log receives the
/// state. So does one that comes back with a cursor that neither the log nor the node's history reaches. The first
/// change after a quiet time is published at once, later ones together after the interval, or when half of the readers
/// have received the diff before, but not later than <see cref="MaxInterval"/>: more diffs than readers can take are
/// work without use.
/// </remarks>
internal sealed partial class ChangeFeed
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
    private readonly FeedMessage?[] _log = new FeedMessage?[MaxDiffs];
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
    private FeedMessage? _state;
    private bool _isStarted;
    private bool _isStopped;
    private bool _isWaiting;
    private long _publishedAt;
    private long _first = 1;
    private long _sequence;
    private int _logged;
    private int _readers;
    private int _upToDate;

    /// <param name="topic">The topic.</param>
    /// <param name="interval">Minimum time between two diffs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="instruments">The metrics.</param>
    /// <param name="adaptive">When readers receive counts; null: never.</param>
    public ChangeFeed(
        string topic,
        TimeSpan interval,
        TimeProvider time,
        FeedInstruments instruments,
        AdaptiveMode? adaptive = null)
    {
        (_topic, _interval, _time, _instruments, _adaptive) = (topic, interval, time, instruments, adaptive);
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
            if (_adaptive?.IsCounting(_shown.Count, false) is true)
            {
                BeginCounting(_shown);
            }
            else
            {
                _digest = missed is null ? null : TopicDigest.Of(_topic, _shown);
                SetCursor();
            }

            _isStarted = true;
        }
    }

    /// <summary>Adds changes. One call at a time.</summary>
    public void OnChanges(IReadOnlyList<PresenceChange> changes, TopicSnapshot after, long version = 0)
    {
        TaskCompletionSource? published = null;
        lock (_gate)
        {
            if (!_isStarted || _isStopped)
            {
                (_shown, _shownVersion) = (after, version);
                return;
            }

            foreach (var change in _counting is null ? changes : [])
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

    public void Stop()
    {
        _timer.Dispose();
        lock (_gate)
        {
            _isStopped = true;
            if (_counting is not null)
            {
                _instruments.ModeChanged(isCounting: false);
            }
        }
    }

    public void ReaderAdded() => Interlocked.Increment(ref _readers);

    public void ReaderRemoved() => Interlocked.Decrement(ref _readers);

    /// <summary>Returns the position in the log that a cursor has; -1 if it is none of this feed.</summary>
    public long PositionOf(FeedCursor? cursor) => cursor is { } at && at.Feed == _id ? at.Sequence : -1;

    /// <summary>See <see cref="FeedReader.TryRead"/>, which alone calls this.</summary>
    public bool TryRead(
        ref long position, FeedCursor? cursor, bool isFirst, out FeedMessage? message, out Task next)
    {
        lock (_gate)
        {
            var isInLog = position >= _first - 1 && position <= _sequence;
            var answer = isInLog || cursor is null || _counting is not null ? null : MissedOrNewer(cursor.Value.Digest);
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

            if (!isFirst && _counting is null && !_isMembersAgain)
            {
                _instruments.Lagged(_topic);
            }

            position = _sequence;
            message = _state ??= _counting is null ? new FeedState(_topic, Position, _shown!) : CountsOf(true);
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

    /// <summary>Returns whether there is a message after a position.</summary>
    public bool HasMore(long position)
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
            if (_isStopped)
            {
                return;
            }

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
    private bool IsBehind => _counting is null && _upToDate < Volatile.Read(ref _readers) / 2;

    /// <summary>Gets the time until changes may be published, or this is called again; zero or less: now.</summary>
    private TimeSpan ToNextDiff
    {
        get
        {
            var elapsed = _time.GetElapsedTime(_publishedAt);
            return _counting is not null ? _adaptive!.Every - elapsed
                : !IsBehind ? _interval - elapsed
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
        if (_counting is not null)
        {
            return PublishCounts(after);
        }

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

        Append(() => new FeedDiff(_topic, Position, changes));
        if (_adaptive?.IsCounting(after.Count, false) is true)
        {
            BeginCounting(after);
        }

        return Wake();
    }

    /// <summary>Adds a message with the next position to the log.</summary>
    private void Append(Func<FeedMessage> create)
    {
        _log[_sequence % MaxDiffs]?.Release();
        _sequence++;
        SetCursor();
        var message = create();
        _logged += ChangesOf(message);
        while (_first < _sequence && (_logged > MaxChanges || _sequence - _first >= MaxDiffs))
        {
            _logged -= ChangesOf(_log[_first % MaxDiffs]);
            _log[_first++ % MaxDiffs] = null;
        }

        _log[_sequence % MaxDiffs] = message;
        ForgetState();
    }

    private void ForgetState()
    {
        _state?.Release();
        _state = null;
        _isMembersAgain = false;
        _upToDate = 0;
        _publishedAt = _time.GetTimestamp();
    }

    private TaskCompletionSource Wake()
    {
        var next = _next;
        _next = NewSource();
        return next;
    }

    private static int ChangesOf(FeedMessage? message) => message is FeedDiff diff ? diff.Changes.Count : 0;

    private void SetCursor() => _cursor = _digest is not null && TopicCursor.Of(_digest) is { } cursor
        && cursor.Text.Length <= FeedCursor.MaxDigest ? cursor.Text : null;

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
