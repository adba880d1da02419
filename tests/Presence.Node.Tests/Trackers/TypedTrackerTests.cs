using System.Text.Json.Serialization;

namespace Presence.Node.Tests.Trackers;

public sealed class TypedTrackerTests
{
    private static readonly Topic<Status> Lobby = new("lobby", StatusJson.Default.Status);

    [Fact]
    public async Task Metadata_are_tracked_updated_and_read_as_their_type()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        await tracker.TrackAsync(session, Lobby, "ann", new Status("here"));
        Assert.Equal("here", Assert.Single(tracker.List(Lobby)).Meta!.Text);
        await tracker.UpdateAsync(session, "lobby", "ann", PresenceMeta.Parse("""{"Text":"a","added":1}"""));
        await tracker.UpdateAsync(session, Lobby, "ann", new Status("b"));
        await tracker.UpdateAsync(session, Lobby, "ann", status => status with { Text = status.Text + "c" });
        var ann = Assert.Single(tracker.GetByKey(Lobby, "ann"));
        Assert.Equal(("bc", """{"Text":"bc","added":1}"""), (ann.Meta!.Text, ann.Entry.Meta.ToString()));
    }

    [Fact]
    public async Task Subscribers_see_metadata_that_do_not_fit_and_continue()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, session) = cluster.First();
        var seen = new Awaited<PresenceChange<Status>>();
        using var subscription = tracker.Subscribe(Lobby, changes => changes.ToList().ForEach(seen.Add));
        await using var watched = tracker.WatchAsync(Lobby).GetAsyncEnumerator();
        var next = watched.MoveNextAsync().AsTask();
        await tracker.TrackAsync(session, "lobby", "odd", PresenceMeta.Parse("""{"Text":[]}"""));
        await tracker.TrackAsync(session, Lobby, "ann", new Status("here"));
        await seen.CountAsync(2);
        Assert.Equal([false, true], seen.All.Select(change => change.Entry.Fits));
        Assert.Equal("""{"Text":[]}""", seen.All[0].Entry.Entry.Meta.ToString());
        Assert.Contains("$.Text", seen.All[0].Entry.Error);
        Assert.True(await next.WaitAsync(TestTimeout));
        Assert.False(watched.Current.Entry.Fits);
        Assert.True(await watched.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
        Assert.Equal("here", watched.Current.Entry.Meta!.Text);
        await Assert.ThrowsAsync<PresenceMetaException>(
            async () => await tracker.UpdateAsync(session, Lobby, "odd", status => status));
        Assert.Equal("""{"Text":[]}""", tracker.GetByKey("lobby", "odd")[0].Meta.ToString());
    }
}

internal sealed record Status(string Text);

[JsonSerializable(typeof(Status))]
internal sealed partial class StatusJson : JsonSerializerContext;
