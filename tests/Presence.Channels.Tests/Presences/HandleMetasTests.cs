using System.Threading.Channels;

namespace Presence.Channels.Tests.Presences;

/// <summary>What an application hears of presences by key, on a real member.</summary>
public sealed class HandleMetasTests
{
    [Fact]
    public async Task Joins_updates_and_leaves_are_heard_with_who_is_there_after_them()
    {
        await using var host = await WebHost.StartAsync();
        var node = host.Server.Node;
        var (one, two) = (node.StartProcess(), node.StartProcess());
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

        Task<string> NextAsync() => host.MetasHeard.Reader.ReadAsync().AsTask().WaitAsync(TestClient.Patience);
    }
}

/// <summary>Tells the test what it heard.</summary>
internal sealed class HearingPresence(Channel<string> heard) : ChannelPresence
{
    protected internal override ValueTask HandleMetasAsync(MetasChange change, CancellationToken cancellation)
    {
        if (change.Topic == "metas:throw")
        {
            throw new InvalidOperationException("as asked");
        }

        var present = change.Presences.Select(p => $"{p.Key}=[{string.Join(',', p.Value.Select(e => e.Meta))}]");
        heard.Writer.TryWrite($"{change.Topic} {string.Join(',', change.Changes.Select(c => c.Kind))} {string.Join(' ', present)}");
        return default;
    }
}
