using System.Runtime.CompilerServices;

namespace Presence.Node.Feeds;

/// <summary>
/// One reader of a feed. It receives what the holder of its cursor misses, or else the state, and then every change.
/// </summary>
/// <remarks>One call at a time, except for <see cref="Dispose"/>.</remarks>
internal class FeedReader : IDisposable
{
    private readonly ChangeFeed _feed;
    private FeedCursor? _cursor;
    private bool _hasRead;
    private bool _isCounting;
    private FeedMessage? _announced;
    private long _position;
    private int _isOver;

    public FeedReader(ChangeFeed feed, FeedCursor? cursor)
    {
        (_feed, _cursor) = (feed, cursor);
        _position = feed.PositionOf(cursor);
        feed.ReaderAdded();
    }

    /// <summary>Gets whether the reader was disposed.</summary>
    public bool IsOver => Volatile.Read(ref _isOver) != 0;

    /// <summary>Gets whether there is a next message; after a wait, otherwise it was a pulse.</summary>
    public bool HasMore => _announced is not null || _feed.HasMore(_position);

    /// <summary>
    /// Gets whether the next counts are to have the sample, because what the reader itself has in the topic changed.
    /// </summary>
    public bool NeedsSample { get; private set; }

    /// <summary>Lets the next counts have the sample, in the next period even if the numbers stay the same.</summary>
    public void RequestSample()
    {
        NeedsSample = true;
        _feed.RequestSample(isChangeDue: false);
    }

    /// <summary>Reports that counts with the sample were sent.</summary>
    /// <param name="isComplete">
    /// Whether they had all that the reader itself has in the topic; otherwise they come again with the next change.
    /// </param>
    public void OnSampleSent(bool isComplete)
    {
        NeedsSample = !isComplete;
        if (!isComplete)
        {
            _feed.RequestSample(isChangeDue: true);
        }
    }

    /// <summary>
    /// Returns true with the next message, or false with what completes when there is one, and with each pulse. A
    /// <see cref="FeedMode"/> comes between members and counts.
    /// </summary>
    public bool TryRead(out FeedMessage? message, out Task next)
    {
        if (_announced is { } announced)
        {
            (message, _announced, next) = (announced, null, Task.CompletedTask);
            return true;
        }

        do
        {
            var (cursor, isFirst) = (_cursor, !_hasRead);
            (_cursor, _hasRead) = (null, true);
            if (!_feed.TryRead(ref _position, cursor, isFirst, out message, out next))
            {
                return false;
            }
        }
        while (message is FeedCounts { IsRepeat: true } && !NeedsSample);

        if (message is FeedCounts != _isCounting)
        {
            _isCounting = !_isCounting;
            (_announced, message) = (message, _feed.Mode(_isCounting));
        }

        return true;
    }

    /// <summary>Returns all messages, and null with each pulse. Disposes the reader at the end.</summary>
    public async IAsyncEnumerable<FeedMessage?> ReadAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                // A reader that was stopped gets nothing of what is there already.
                cancellation.ThrowIfCancellationRequested();
                if (TryRead(out var message, out var next))
                {
                    yield return message;
                    continue;
                }

                await next.WaitAsync(cancellation).ConfigureAwait(false);
                if (!HasMore)
                {
                    yield return null;
                }
            }
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isOver, 1) == 0)
        {
            _feed.ReaderRemoved();
            OnDisposed();
        }
    }

    /// <summary>Called once.</summary>
    protected virtual void OnDisposed()
    {
    }
}
