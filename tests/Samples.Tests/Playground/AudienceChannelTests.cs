using Presence.Samples.Playground;

namespace Presence.Samples.Tests.Playground;

public sealed class AudienceChannelTests : PlaygroundCase
{
    private const string Topic = "audience:main";

    [Fact]
    public async Task Whoever_joins_is_tracked_and_receives_the_members()
    {
        var now = Server.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var ann = await JoinAsync("ann");
        Assert.Equal(["ann"], Keys((await ann.AssertPushAsync("presence_state")).Payload));
        var entry = Assert.Single(Server.Node.Tracker.List(Topic));
        Assert.Equal($$"""{"online_at":{{now}}}""", entry.Meta.ToString());
        await ann.RefutePushAsync("presence_mode");
    }

    [Fact]
    public async Task Client_receives_counts_with_itself_in_the_sample_beyond_fifty_and_members_again_below()
    {
        var ann = await JoinAsync("ann");
        await ann.AssertPushAsync("presence_state");
        await SetCrowdAsync(ann, 49);
        await ann.AssertPushAsync("presence_diff");
        await ann.RefutePushAsync("presence_mode");

        await SetCrowdAsync(ann, 50);
        await ann.AssertPushAsync("presence_mode", new { mode = "counts" });
        var counts = (await ann.AssertPushAsync("presence_counts")).Payload.ToElement();
        Assert.Equal(51, counts.GetProperty("count").GetInt32());
        Assert.Equal(
            ["ann", .. Enumerable.Range(1, 11).Select(i => $"viewer-{i:D4}")],
            Keys(ChannelPayload.From(counts.GetProperty("sample"))).Order(StringComparer.Ordinal));

        await SetCrowdAsync(ann, 39);
        await ann.AssertPushAsync("presence_mode", new { mode = "members" });
        Assert.Equal(40, Keys((await ann.AssertPushAsync("presence_state")).Payload).Count());
    }

    [Fact]
    public async Task Crowd_that_is_resized_changes_by_the_difference_only()
    {
        var ann = await JoinAsync("ann");
        await SetCrowdAsync(ann, 2);
        var first = Refs();
        await SetCrowdAsync(ann, 4);
        Assert.Equal(["ann", "viewer-0001", "viewer-0002", "viewer-0003", "viewer-0004"], Refs().Keys);
        await SetCrowdAsync(ann, 2);
        Assert.Equal(first, Refs());
        await SetCrowdAsync(ann, 0);
        Assert.Equal(["ann"], Refs().Keys);

        SortedDictionary<string, string> Refs() => new(
            Server.Node.Tracker.List(Topic).ToDictionary(entry => entry.Key, entry => entry.Ref.ToString()),
            StringComparer.Ordinal);
    }

    [Theory]
    [InlineData("""{"size":-1}""")]
    [InlineData("""{"size":2001}""")]
    [InlineData("""{"size":1.5}""")]
    [InlineData("""{"size":"9"}""")]
    [InlineData("""{"size":null}""")]
    [InlineData("{}")]
    [InlineData("[]")]
    public async Task Size_that_is_no_whole_number_in_range_is_rejected_and_changes_nothing(string payload)
    {
        var ann = await JoinAsync("ann");
        await SetCrowdAsync(ann, 3);
        await ann.Push("crowd", ChannelPayload.Json(payload))
            .AssertReplyAsync("error", new { reason = "size must be a whole number from 0 to 2000" });
        Assert.Equal(4, Server.Node.Tracker.Count(Topic));
        Assert.Equal(TestChannelState.Joined, ann.State);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Crowd_ends_with_the_channel_that_made_it(bool leaves)
    {
        var ann = await JoinAsync("ann");
        var bob = await JoinAsync("bob");
        await SetCrowdAsync(ann, AudienceChannel.MaxCrowd);
        await SetCrowdAsync(bob, 1);
        Assert.Equal(AudienceChannel.MaxCrowd + 3, Server.Node.Tracker.Count(Topic));
        if (leaves)
        {
            await ann.LeaveAsync();
        }
        else
        {
            await ann.Socket.DropAsync();
        }

        await Server.SettleAsync();
        Assert.Equal(["bob", "viewer-0001"], Server.Node.Tracker.List(Topic).Select(entry => entry.Key));
    }

    private async Task<TestChannel> JoinAsync(string userId) =>
        await (await SignedInAsync(userId)).SubscribeAndJoinAsync(Topic);

    private async Task SetCrowdAsync(TestChannel channel, int size)
    {
        await channel.Push("crowd", new { size }).AssertReplyAsync("ok", new { size });
        // Diffs are collected for a moment, and counts for a second.
        await Server.AdvanceAsync(TimeSpan.FromSeconds(1));
    }

    private static IEnumerable<string> Keys(ChannelPayload presences) =>
        presences.ToElement().EnumerateObject().Select(key => key.Name);
}
