using Presence.Node.Leases;

namespace Presence.Node.Tests.Leases;

public sealed class LocalLeasesTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(10);
    private static readonly LeaseId Worker = new("jobs", "worker", "");

    private readonly TestTime _time = new();
    private TestCluster _cluster = null!;
    private LocalLeases _leases = null!;

    private IPresenceTracker Tracker => _cluster.Tracker(0);

    public async Task InitializeAsync()
    {
        _cluster = await TestCluster.OfAsync(1);
        _leases = new LocalLeases(_cluster[0], _time);
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    public void Dispose() => _leases.Dispose();

    [Fact]
    public async Task Lease_that_is_put_again_in_time_stays_one_presence()
    {
        Assert.True((await PutAsync(Worker)).IsNew);
        for (var i = 0; i < 5; i++)
        {
            _time.Advance(Duration * 0.9);
            Assert.False((await PutAsync(Worker)).IsNew);
        }

        Assert.Equal(1, Tracker.Count("jobs"));
    }

    [Fact]
    public async Task Lease_that_is_not_put_again_expires_and_one_that_is_ended_does_not()
    {
        var received = new Awaited<TopicDiff>();
        using var subscription = Tracker.Subscribe("jobs", received.Add);
        await PutAsync(Worker);
        _time.Advance(Duration);
        Assert.Equal(LeaveReason.LeaseExpired, await NextLeaveAsync());
        Assert.Equal(0, Tracker.Count("jobs"));
        Assert.True((await PutAsync(Worker)).IsNew);

        var leaves = Leaves().Count();
        await _leases.EndAsync(Worker, default);
        Assert.Equal(LeaveReason.SessionEnded, await NextLeaveAsync(leaves));

        IEnumerable<PresenceChange> Leaves() =>
            received.All.SelectMany(diff => diff.Changes).Where(change => change.Kind == PresenceChangeKind.Left);

        async Task<LeaveReason> NextLeaveAsync(int before = 0)
        {
            await received.UntilAsync(_ => Leaves().Count() > before, "the presence has left");
            return Leaves().ElementAt(before).Reason;
        }
    }

    [Fact]
    public async Task Lease_whose_timer_is_early_ends_all_the_same()
    {
        var time = new EarlyTime();
        using var leases = new LocalLeases(_cluster[0], time);
        await leases.PutAsync(Worker, PresenceMeta.Empty, Duration, default);
        time.Advance(Duration - TimeSpan.FromMilliseconds(5));
        await TestTimeouts.UntilAsync("the lease has expired", TimeSpan.FromSeconds(30), () =>
        {
            time.Advance(TimeSpan.FromMilliseconds(1));
            return Tracker.Count("jobs") == 0;
        });
    }

    [Fact]
    public async Task Equal_metadata_is_not_written_and_other_metadata_is_an_update()
    {
        var first = await PutAsync(Worker, """{"job":1}""");
        Assert.Equal(first.Ref, (await PutAsync(Worker, """{"job":1}""")).Ref);
        Assert.NotEqual(first.Ref, (await PutAsync(Worker, """{"job":2}""")).Ref);
        Assert.Equal("""{"job":2}""", Assert.Single(Tracker.List("jobs")).Meta.ToString());
    }

    [Fact]
    public async Task Holders_of_one_key_have_a_presence_each()
    {
        await PutAsync(Worker with { Holder = "a" });
        await PutAsync(Worker with { Holder = "b" });
        Assert.Equal(2, Tracker.GetByKey("jobs", "worker").Count);
        Assert.True(await _leases.EndAsync(Worker with { Holder = "a" }, default));
        Assert.False(await _leases.EndAsync(Worker with { Holder = "a" }, default));
        Assert.Single(Tracker.GetByKey("jobs", "worker"));
    }

    [Fact]
    public async Task Concurrent_puts_and_ends_leave_one_presence_or_none()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(async () =>
        {
            for (var i = 0; i < 200; i++)
            {
                if ((worker + i) % 5 == 0)
                {
                    await _leases.EndAsync(Worker, default);
                }
                else
                {
                    await PutAsync(Worker);
                }
            }
        })));
        await PutAsync(Worker);
        Assert.Equal(1, Tracker.Count("jobs"));
        await _leases.EndAsync(Worker, default);
        await TestCluster.UntilAsync(Tracker, () => Tracker.Count("jobs") == 0, "the presence has ended");
    }

    [Fact]
    public async Task Rejected_put_leaves_nothing()
    {
        var id = Worker with { Key = new string('k', 10_000) };
        await Assert.ThrowsAsync<PresenceLimitException>(() => PutAsync(id));
        Assert.False(await _leases.EndAsync(id, default));
        Assert.Equal(0, Tracker.Count("jobs"));
    }

    [Theory]
    [InlineData("t", "k", "")]
    [InlineData("a:1", "2:b:", "c:d")]
    [InlineData("", "", "")]
    public void Id_is_read_from_its_text(string topic, string key, string holder)
    {
        var id = new LeaseId(topic, key, holder);
        Assert.True(LeaseId.TryParse(id.ToString(), out var read));
        Assert.Equal(id, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("t")]
    [InlineData("1:9:tk")]
    [InlineData("-1:1:tk")]
    [InlineData("2147483647:2147483647:tk")]
    public void Other_text_is_no_id(string text) => Assert.False(LeaseId.TryParse(text, out _));

    private Task<KeyLease> PutAsync(LeaseId id, string meta = "{}") =>
        _leases.PutAsync(id, PresenceMeta.Parse(meta), Duration, default);

    /// <summary>A clock whose timers are due up to 5 ms before its time stamps say so.</summary>
    private sealed class EarlyTime : TestTime
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            new EarlyTimer(base.CreateTimer(callback, state, dueTime, period));
    }

    private sealed class EarlyTimer(ITimer timer) : ITimer
    {
        private static readonly TimeSpan Early = TimeSpan.FromMilliseconds(5);

        public bool Change(TimeSpan dueTime, TimeSpan period) =>
            timer.Change(dueTime > Early ? dueTime - Early : dueTime, period);

        public void Dispose() => timer.Dispose();

        public ValueTask DisposeAsync() => timer.DisposeAsync();
    }
}
