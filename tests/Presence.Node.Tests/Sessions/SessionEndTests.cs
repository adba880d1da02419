namespace Presence.Node.Tests.Sessions;

public sealed class SessionEndTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Linked_shard_is_notified_once_however_often_it_links(int shards)
    {
        var session = new PresenceSession(1, null);
        var links = Enumerable.Range(0, shards).Select(_ => new CountingLink()).ToArray();
        Assert.All([.. links, .. links], link => Assert.True(session.Link(link)));
        Assert.False(session.IsEnded);
        session.End();
        session.End();
        Assert.True(session.IsEnded);
        Assert.All(links, link => Assert.Equal(1, link.Times));
        Assert.False(session.Link(new CountingLink()));
    }

    [Fact]
    public async Task Shard_that_links_during_the_end_is_either_notified_or_rejected()
    {
        for (var round = 0; round < 2000; round++)
        {
            var session = new PresenceSession(1, null);
            var links = Enumerable.Range(0, 2).Select(_ => new CountingLink()).ToArray();
            using var together = new Barrier(links.Length + 1);
            var linking = links.Select(link => Task.Run(() =>
            {
                together.SignalAndWait();
                return session.Link(link);
            })).ToArray();
            var ending = Task.Run(() =>
            {
                together.SignalAndWait();
                session.End();
            });
            var linked = await Task.WhenAll(linking);
            await ending;
            Assert.Equal(linked.Select(was => was ? 1 : 0), links.Select(link => link.Times));
        }
    }

    [Fact]
    public void Session_that_ends_during_a_link_stays_ended_and_rejects_it()
    {
        var session = new PresenceSession(1, null);
        var links = Enumerable.Range(0, 3).Select(_ => new EndingLink(session)).ToArray();
        Assert.True(session.Link(links[0]));
        Assert.True(session.Link(links[1]));

        // Compared with the existing links, whose Equals ends the session.
        Assert.False(session.Link(links[2]));
        Assert.True(session.IsEnded);
        Assert.Equal([1, 1, 0], links.Select(link => link.Times));
    }

    private sealed class EndingLink(PresenceSession session) : CountingLink
    {
        public override bool Equals(object? obj)
        {
            session.End();
            return ReferenceEquals(this, obj);
        }

        public override int GetHashCode() => 0;
    }

    private class CountingLink : ISessionLink
    {
        private int _times;

        public int Times => _times;

        public void Ended(PresenceSession session) => Interlocked.Increment(ref _times);
    }
}
