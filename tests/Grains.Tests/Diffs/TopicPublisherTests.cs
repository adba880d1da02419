using Presence.Grains.Topics;

namespace Presence.Grains.Tests.Diffs;

public sealed class TopicPublisherTests
{
    private const string Topic = "lobby";
    private const string Node = "n0";

    private readonly TestTime _time = new();
    private readonly StubWorld _world = new();
    private readonly Awaited<TopicChanges> _published = new();
    private readonly TaskCompletionSource _stuck = new();
    private int _failures;

    [Fact]
    public async Task Publisher_whose_queue_overflows_fails_once_instead_of_skipping_changes()
    {
        var publisher = Create(new PresenceOrleansOptions { ObserverQueueCapacity = 3 });
        publisher.Start(_world.ViewOf(Topic, Node));
        await _published.CountAsync(1);
        var session = _world.NewSession(null);
        void Join(params string[] keys) => publisher.Post(
            [.. keys.Select(k => PresenceChange.Joined(_world.Track(Node, session, Topic, k, PresenceMeta.Empty)))],
            _world.ViewOf(Topic, Node));
        Join("the", "first", "diff", "has", "any", "size");
        for (var i = 0; i < 3; i++)
        {
            Join($"fits{i}");
        }

        Assert.Equal(0, _failures);
        Join("overflows");
        Assert.Equal(1, _failures);
        Join("late");
        Assert.Equal(1, _failures);
        _stuck.SetResult();
    }

    private TopicPublisher Create(PresenceOrleansOptions options) => new(
        Topic,
        Node,
        silo: "s0",
        term: 1,
        changes =>
        {
            _published.Add(changes);
            return _stuck.Task;
        },
        () => _world.ViewOf(Topic, Node),
        (_, _) => null,
        _ => [],
        new ContiguousPrefixTracker(_ => 0),
        new PagedLists(_time),
        options,
        maxGap: TimeSpan.FromMinutes(1),
        _time,
        () => _failures++);
}
