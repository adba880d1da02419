using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Trackers;
using Presence.Tracker;
using Presence.Tracker.Counts;

namespace Presence.Node.CountsOnly;

/// <summary>
/// Writes the summaries of this node's counts-only topics: the first change after a quiet time at once, later ones at
/// most once per period of the topic, and only if something has changed.
/// </summary>
/// <remarks>
/// A sketch cannot forget, so that each summary is made of all keys that the node has. That costs time proportional to
/// their number; to bound it, nothing is summarized for nine times as long as the last summaries took.
/// </remarks>
internal sealed class SummaryPublisher : IChangeSink, IThreadPoolWorkItem, IDisposable
{
    private const int IdleFactor = 9;

    private readonly CountsOnlyTopics _topics;
    private readonly Func<string, TimeSpan> _periodOf;
    private readonly PresenceSession _session;
    private readonly string _node;
    private readonly TimeProvider _time;
    private readonly NodeInstruments _instruments;
    private readonly long _epoch;
    private readonly ITimer _timer;
    private readonly KeySketch _sketch = new();

    private readonly Lock _gate = new();
    private readonly Dictionary<string, State> _states = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, TimeSpan> _due = new();
    private TimeSpan _armedFor = TimeSpan.MaxValue;
    private TimeSpan _notBefore;
    private bool _isRunning;
    private bool _isDisposed;

    /// <param name="topics">The topics.</param>
    /// <param name="periodOf">Returns the minimum time between two summaries of a topic.</param>
    /// <param name="session">The session that owns the summaries.</param>
    /// <param name="node">Name of this node.</param>
    /// <param name="time">The clock.</param>
    /// <param name="instruments">The metrics.</param>
    public SummaryPublisher(
        CountsOnlyTopics topics,
        Func<string, TimeSpan> periodOf,
        PresenceSession session,
        string node,
        TimeProvider time,
        NodeInstruments instruments)
    {
        (_topics, _periodOf, _session, _node) = (topics, periodOf, session, node);
        (_time, _instruments) = (time, instruments);
        _epoch = time.GetTimestamp();
        _timer = time.CreateTimer(
            static self => ((SummaryPublisher)self!).Execute(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        foreach (var host in topics.Hosts)
        {
            host.WithLock(() =>
            {
                host.Output.Add(this);
                return true;
            });
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(_epoch);

    public void Post(PresenceChange[] changes)
    {
        lock (_gate)
        {
            foreach (var change in changes)
            {
                if (change.Kind != PresenceChangeKind.Updated)
                {
                    MarkChanged(change.Entry.Topic);
                }
            }

            Arm();
        }
    }

    /// <summary>Writes what is due. Calls never overlap.</summary>
    public void Execute() => _ = ExecuteAsync();

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
        }

        _timer.Dispose();
    }

    private async Task ExecuteAsync()
    {
        List<string> changed;
        var begun = Now;
        lock (_gate)
        {
            _armedFor = TimeSpan.MaxValue;
            if (_isRunning || _isDisposed)
            {
                return;
            }

            changed = begun < _notBefore ? [] : TakeDue(begun);
            _isRunning = true;
        }

        foreach (var topic in changed)
        {
            try
            {
                await PublishAsync(topic).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _topics.Summaries.InputFailed(e);
            }
        }

        lock (_gate)
        {
            _notBefore = changed.Count == 0 ? _notBefore : Now + ((Now - begun) * IdleFactor);
            _isRunning = false;
            Arm();
        }
    }

    private async ValueTask PublishAsync(string topic)
    {
        var local = _topics.LocalOf(topic);
        var host = _topics.Summaries;
        var published = host.Shard.Index.List(topic).GetByKey(_node).FirstOrDefault(e => e.Process == _session.Id);
        if (local.Count == 0)
        {
            if (published is not null)
            {
                await host.Execute<UntrackCommand, bool>(new(_session, topic, _node), always: true)
                    .ConfigureAwait(false);
            }

            return;
        }

        var meta = TopicSummary.Of(local, _sketch).ToMeta();
        if (published is null)
        {
            await host.Execute<TrackCommand, PresenceEntry>(new(_session, topic, _node, meta), always: true)
                .ConfigureAwait(false);
        }
        else if (published.Meta != meta)
        {
            var update = new UpdateCommand(_session, topic, _node, meta);
            await host.Execute<UpdateCommand, (PresenceEntry, bool)>(update, always: true).ConfigureAwait(false);
        }
        else
        {
            return;
        }

        _instruments.SummarySent();
    }

    private void MarkChanged(string topic)
    {
        if (!_states.TryGetValue(topic, out var state))
        {
            _states.Add(topic, state = new State());
            _due.Enqueue(topic, Now);
        }

        state.IsChanged = true;
    }

    /// <summary>Returns the changed topics whose period is over, and forgets those that have not changed.</summary>
    private List<string> TakeDue(TimeSpan now)
    {
        var changed = new List<string>();
        while (_due.TryPeek(out var topic, out var due) && due <= now)
        {
            _due.Dequeue();
            if (!_states[topic].IsChanged)
            {
                _states.Remove(topic);
                continue;
            }

            _states[topic].IsChanged = false;
            _due.Enqueue(topic, now + _periodOf(topic));
            changed.Add(topic);
        }

        return changed;
    }

    private void Arm()
    {
        if (_isRunning || _isDisposed || !_due.TryPeek(out _, out var due))
        {
            return;
        }

        due = due < _notBefore ? _notBefore : due;
        if (due >= _armedFor)
        {
            return;
        }

        _armedFor = due;
        var wait = due - Now;
        if (wait <= TimeSpan.Zero)
        {
            // Not here: a shard is locked.
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
        else
        {
            // Rounded up: a timer that fires a little early would find nothing due.
            _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private sealed class State
    {
        public bool IsChanged { get; set; }
    }
}
