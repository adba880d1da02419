namespace Presence.Grains.Tests.Diffs;

public sealed class ObserverSubscriptionTests
{
    private const int MaxPerCall = 1000;

    private readonly Observer _observer = new();
    private int _cutOff;

    [Fact]
    public async Task Diff_of_any_size_is_sent_in_parts_and_before_later_ones()
    {
        var subscription = Create(capacity: 10);
        Assert.True(subscription.Post(Joins(0, 2500)));
        Assert.False(subscription.Post(Joins(2500, 5000)));
        await subscription.SendAsync();
        Assert.Equal(0, _cutOff);
        Assert.Equal([1000, 1000, 500, 1000, 1000, 500], _observer.Received.All.Select(c => c.Changes.Count));
        Assert.Equal([1, 2, 3, 4, 5, 6], _observer.Received.All.Select(c => c.Sequence));
        Assert.Equal(
            Enumerable.Range(0, 5000).Select(i => $"k{i}"),
            _observer.Received.All.SelectMany(c => c.Changes).Select(c => c.Entry.Key));
    }

    [Fact]
    public async Task Rest_of_a_diff_shares_its_call_with_later_ones()
    {
        var subscription = Create(capacity: 10);
        Assert.True(subscription.Post(Joins(0, MaxPerCall + 1)));
        Assert.False(subscription.Post(Joins(MaxPerCall + 1, MaxPerCall + 3)));
        Assert.False(subscription.Post(Joins(MaxPerCall + 3, MaxPerCall + 4)));
        await subscription.SendAsync();
        Assert.Equal([MaxPerCall, 4], _observer.Received.All.Select(c => c.Changes.Count));
        Assert.True(subscription.Post(Joins(0, 1)));
    }

    [Fact]
    public async Task Changes_beyond_the_capacity_behind_the_diff_that_is_sent_cut_the_observer_off()
    {
        var subscription = Create(capacity: 10);
        Assert.True(subscription.Post(Joins(0, 5000)));
        Assert.False(subscription.Post(Joins(5000, 5006)));
        Assert.False(subscription.Post(Joins(5006, 5010)));
        Assert.Equal(0, _cutOff);
        Assert.False(subscription.Post(Joins(5010, 5011)));
        Assert.Equal(1, _cutOff);
        await subscription.SendAsync();
        Assert.Empty(_observer.Received.All);
    }

    private ObserverSubscription Create(int capacity) => new(
        "id", "lobby", _observer, capacity, TimeSpan.FromSeconds(20), TimeProvider.System, _ => _cutOff++);

    private static TopicChanges Joins(int from, int to) => new(
        "lobby",
        "n0",
        0,
        IsReset: false,
        [
            .. Enumerable.Range(from, to - from).Select(i => PresenceChange.Joined(new PresenceEntry(
                new ReplicaId("n0", 1), (ulong)i + 1, (ulong)i + 1, 0, 1, "lobby", $"k{i}", default))),
        ],
        "s0");
}
