using Presence.Tracker;
using Presence.Tracker.Counts;
using Presence.Tracker.Cursors;

namespace Presence.Node.Feeds;

/// <summary>Counts instead of members, while an adaptive topic is large.</summary>
/// <remarks>
/// While it counts, the log has one message, the newest counts, and the state of the feed is the same with the sample:
/// a reader that missed counts receives only the last ones. When members are sent again the log is empty, so that each
/// reader receives the state.
/// </remarks>
internal sealed partial class ChangeFeed
{
    private readonly AdaptiveMode? _adaptive;
    private TopicSample? _counting;
    private TopicSnapshot? _counted;
    private DateTimeOffset _countedAt;
    private bool _isMembersAgain;
    private bool _isSampleRequested;
    private FeedMode? _counts;
    private FeedMode? _members;

    /// <summary>Returns what announces a mode.</summary>
    public FeedMode Mode(bool isCounting) => isCounting
        ? _counts ??= new FeedMode(_topic, true)
        : _members ??= new FeedMode(_topic, false);

    /// <summary>
    /// Lets the next counts reach readers that need the sample even if the numbers are the same. No effect while
    /// readers receive members.
    /// </summary>
    /// <param name="isChangeDue">Whether these counts come with the next change; otherwise without one, too.</param>
    public void RequestSample(bool isChangeDue)
    {
        lock (_gate)
        {
            if (_counting is null || _isStopped)
            {
                return;
            }

            _isSampleRequested = true;
            if (!_isWaiting && !isChangeDue)
            {
                PublishAgain(ToNextDiff);
            }
        }
    }

    private void PublishAgain(TimeSpan after)
    {
        (_newest, _newestVersion, _isWaiting) = (_shown, _shownVersion, true);
        _timer.Change(after > TimeSpan.Zero ? after : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

    /// <summary>After the last diff, the counts of the topic as that diff leaves it.</summary>
    private void BeginCounting(TopicSnapshot topic)
    {
        _counting = new TopicSample(_adaptive!);
        _digest = null;
        _instruments.ModeChanged(isCounting: true);
        AppendCounts(topic);
    }

    private TaskCompletionSource? PublishCounts(TopicSnapshot topic)
    {
        // Also when there is nothing to send: looking at the topic has its cost.
        _publishedAt = _time.GetTimestamp();
        if (!_adaptive!.IsCounting(topic.Count, true))
        {
            EndCounting(topic);
            return Wake();
        }

        var isChanged = AppendCounts(topic);
        if (_counting!.IsDirty)
        {
            // Its turn comes even if nothing changes any more.
            PublishAgain(_adaptive.Every);
        }

        return isChanged ? Wake() : null;
    }

    /// <returns>False if all readers have the same numbers already, and none needs a sample.</returns>
    private bool AppendCounts(TopicSnapshot topic)
    {
        var hasSample = _counting!.Update(topic);
        var isChanged = _counted?.Count != topic.Count || _counted.KeyCount != topic.KeyCount;
        var isRepeat = !isChanged && !hasSample;
        if (isRepeat && !_isSampleRequested)
        {
            return false;
        }

        var isFirst = _counted is null;
        (_counted, _countedAt, _isSampleRequested) = (topic, _time.GetUtcNow(), false);
        Append(() => CountsOf(hasSample, isRepeat));
        if (!isFirst)
        {
            ForgetLog(_sequence);
        }

        return true;
    }

    /// <summary>The topic is small again: every reader receives its state.</summary>
    private void EndCounting(TopicSnapshot topic)
    {
        (_counting, _counted) = (null, null);
        _digest = _missed is null ? null : TopicDigest.Of(_topic, topic);
        _sequence += 2;
        SetCursor();
        ForgetLog(_sequence + 1);
        ForgetState();
        _isMembersAgain = true;
        _instruments.ModeChanged(isCounting: false);
    }

    /// <summary>Removes the messages before a position, to which no cursor leads, not even an invented one.</summary>
    private void ForgetLog(long position)
    {
        while (_first < position)
        {
            _logged -= ChangesOf(_log[_first % MaxDiffs]);
            _log[_first++ % MaxDiffs] = null;
        }
    }

    private FeedCounts CountsOf(bool hasSample, bool isRepeat = false) =>
        new(_topic, Position, _counted!, _counting!.Entries, hasSample, _countedAt) { IsRepeat = isRepeat };
}
