namespace Presence.Node.Tests.Processes;

public sealed class Processes_that_end
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Each_shard_that_asked_is_told_once_however_often_it_asked(int shards)
    {
        var process = new PresenceProcess(1, null);
        var links = Enumerable.Range(0, shards).Select(_ => new Told()).ToArray();
        Assert.All([.. links, .. links], link => Assert.True(process.Link(link)));
        Assert.False(process.IsEnded);
        process.End();
        process.End();
        Assert.True(process.IsEnded);
        Assert.All(links, link => Assert.Equal(1, link.Times));
        Assert.False(process.Link(new Told()));
    }

    [Fact]
    public async Task A_shard_that_asks_while_the_process_ends_is_told_or_refused_and_never_both()
    {
        for (var round = 0; round < 2000; round++)
        {
            var process = new PresenceProcess(1, null);
            var links = Enumerable.Range(0, 2).Select(_ => new Told()).ToArray();
            using var together = new Barrier(links.Length + 1);
            var linking = links.Select(link => Task.Run(() =>
            {
                together.SignalAndWait();
                return process.Link(link);
            })).ToArray();
            var ending = Task.Run(() =>
            {
                together.SignalAndWait();
                process.End();
            });
            var linked = await Task.WhenAll(linking);
            await ending;
            Assert.Equal(linked.Select(was => was ? 1 : 0), links.Select(link => link.Times));
        }
    }

    [Fact]
    public void A_process_that_ends_while_a_shard_asks_stays_ended_and_refuses_it()
    {
        var process = new PresenceProcess(1, null);
        var links = Enumerable.Range(0, 3).Select(_ => new EndsIt(process)).ToArray();
        Assert.True(process.Link(links[0]));
        Assert.True(process.Link(links[1]));

        // The third is compared with those that are there.
        Assert.False(process.Link(links[2]));
        Assert.True(process.IsEnded);
        Assert.Equal([1, 1, 0], links.Select(link => link.Times));
    }

    private sealed class EndsIt(PresenceProcess process) : Told
    {
        public override bool Equals(object? obj)
        {
            process.End();
            return ReferenceEquals(this, obj);
        }

        public override int GetHashCode() => 0;
    }

    private class Told : IProcessLink
    {
        private int _times;

        public int Times => _times;

        public void Ended(PresenceProcess process) => Interlocked.Increment(ref _times);
    }
}
