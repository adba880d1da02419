using Presence.Node;
using Presence.Node.Sessions;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Sessions;

/// <summary>The hand-over of a node that stops, when an heir does not answer.</summary>
public sealed class SessionHandOverTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);
    private static readonly PresenceSessionOptions Grace = new() { Grace = TimeSpan.FromMinutes(1) };

    private readonly StubCluster _cluster = new();
    private readonly SessionTable _sessions;

    public SessionHandOverTests() => _sessions = new SessionTable(_cluster);

    [Fact]
    public async Task Next_heir_is_asked_after_half_of_the_time()
    {
        Open();
        var handOver = _sessions.HandOverAsync(Timeout);
        var (first, _) = Assert.Single(_cluster.Sent);
        _cluster.Advance(Timeout / 2);
        var (second, frame) = _cluster.Sent[1];
        Assert.NotEqual(first, second);
        _sessions.OnFrame(second, new HandedOverFrame(frame.Number, new ReplicaId(second, 1), [true]));
        Assert.Equal((1, 1), await handOver);
    }

    [Fact]
    public async Task Last_heir_has_all_the_time_that_is_left()
    {
        Open();
        var handOver = _sessions.HandOverAsync(Timeout);
        _cluster.Advance(Timeout - TimeSpan.FromMilliseconds(1));
        Assert.False(handOver.IsCompleted);
        _cluster.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((0, 1), await handOver);
        Assert.Equal(2, _cluster.Sent.Count);
    }

    [Fact]
    public async Task Short_time_is_not_divided()
    {
        Open();
        var handOver = _sessions.HandOverAsync(TimeSpan.FromMilliseconds(50));
        _cluster.Advance(TimeSpan.FromMilliseconds(50));
        Assert.Equal((0, 1), await handOver);
        Assert.Single(_cluster.Sent);
    }

    [Fact]
    public async Task Entries_of_an_heir_that_was_slow_are_its_answer()
    {
        var session = Open();
        var handOver = _sessions.HandOverAsync(Timeout);
        var (first, frame) = Assert.Single(_cluster.Sent);
        _cluster.Advance(Timeout / 2);
        Assert.Equal(2, _cluster.Sent.Count);
        var heir = new ReplicaId(first, 1);
        _sessions.OnSighted(new SessionSighting(((HandOverFrame)frame).Sessions[0].Stamp, heir, IsDown: false));
        Assert.Equal(heir, session.State!.HandedTo?.Heir);
        _cluster.Advance(Timeout / 2);
        Assert.Equal((1, 1), await handOver);
    }

    private PresenceSession Open()
    {
        // Continuations run where they are completed.
        SynchronizationContext.SetSynchronizationContext(null);
        return _sessions.Open(Grace);
    }

    /// <summary>Three nodes, of which the other two receive frames and do not answer; time stands still.</summary>
    private sealed class StubCluster : ISessionCluster
    {
        private readonly List<(TimeSpan Due, Action Action)> _timers = [];
        private ulong _last;

        public List<(string Node, SessionFrame Frame)> Sent { get; } = [];

        public ReplicaId Self { get; } = new("a", 1);

        public TimeSpan Now { get; private set; }

        public IReadOnlyList<SessionShard> Shards => [];

        public bool KnowSessions => true;

        public TaskCreationOptions Completion => TaskCreationOptions.None;

        public IReadOnlyList<string> Heirs() => ["b", "c"];

        public SessionId NewId() => new(++_last, _last);

        public ulong NewProcess() => ++_last;

        public Task<bool> SendAsync(string node, SessionFrame frame)
        {
            Sent.Add((node, frame));
            return Task.FromResult(true);
        }

        public IDisposable After(TimeSpan delay, Action action)
        {
            _timers.Add((Now + delay, action));
            return new MemoryStream();
        }

        public void Notify(Action action) => action();

        public void Failed(Exception e) => Assert.Fail(e.ToString());

        /// <summary>Advances the time; what is due runs in its order, also what that begins.</summary>
        public void Advance(TimeSpan time)
        {
            var until = Now + time;
            while (_timers.Where(t => t.Due <= until).OrderBy(t => t.Due).FirstOrDefault() is { Action: not null } next)
            {
                _timers.Remove(next);
                Now = next.Due;
                next.Action();
            }

            Now = until;
        }
    }
}
