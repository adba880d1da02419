using System.Threading.Channels;

namespace Presence.Channels.Tests.Presences;

public sealed class HandleMetasTests
{
    [Fact]
    public async Task Joins_updates_and_leaves_are_handled_with_the_presences_after_them()
    {
        await using var host = await WebHost.StartAsync();
        var node = host.Server.Node;
        var (one, two) = (node.OpenSession(), node.OpenSession());
        await node.Tracker.TrackAsync(one, "metas:a", "ann", PresenceMeta.From(new { n = 1 }));
        Assert.Equal("""metas:a Joined ann=[{"n":1}]""", await NextAsync());
        await node.Tracker.TrackAsync(one, "other", "ann");
        await node.Tracker.TrackAsync(two, "metas:a", "ann", PresenceMeta.From(new { n = 2 }));
        Assert.Equal("""metas:a Joined ann=[{"n":1},{"n":2}]""", await NextAsync());
        await node.Tracker.UpdateAsync(one, "metas:a", "ann", PresenceMeta.From(new { n = 3 }));
        Assert.Equal("""metas:a Updated ann=[{"n":3},{"n":2}]""", await NextAsync());
        two.End();
        Assert.Equal("""metas:a Left ann=[{"n":3}]""", await NextAsync());
        await node.Tracker.TrackAsync(one, "metas:throw", "bob");
        await node.Tracker.UntrackAsync(one, "metas:a", "ann");
        Assert.Equal("metas:a Left ", await NextAsync());

        Task<string> NextAsync() => host.MetasHeard.Reader.ReadAsync().AsTask().WaitAsync(TestClient.Timeout);
    }
}

internal sealed class RecordingPresence(Channel<string> changes) : ChannelPresence
{
    protected internal override ValueTask HandleMetasAsync(PresenceMetasChange change, CancellationToken cancellation)
    {
        if (change.Topic == "metas:throw")
        {
            throw new InvalidOperationException("as asked");
        }

        var present = change.Presences.GroupBy(e => e.Key)
            .Select(key => $"{key.Key}=[{string.Join(',', key.Select(e => e.Meta))}]");
        changes.Writer.TryWrite(
            $"{change.Topic} {string.Join(',', change.Changes.Select(c => c.Kind))} {string.Join(' ', present)}");
        return default;
    }
}
