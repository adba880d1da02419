using System.Text.Json.Serialization;
using Orleans;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

[Trait("Category", "Orleans")]
public sealed class TypedClientTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);
    private static readonly Topic<Mood> Lobby = new("lobby", MoodJson.Default.Mood);

    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(1);

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Client_and_grain_track_update_and_read_metadata_of_a_type()
    {
        var received = new Awaited<PresenceChange<Mood>>();
        await using var subscription = await _cluster.Client.SubscribeAsync(Lobby, changes =>
        {
            changes.ToList().ForEach(received.Add);
            return default;
        });
        await using var ann = await _cluster.Client.TrackAsync(Lobby, "ann", new Mood("glad"));
        await ann.UpdateAsync(PresenceMeta.Parse("""{"Text":"glad","added":1}"""));
        await ann.UpdateAsync(Lobby, new Mood("sad"));
        await ann.UpdateAsync(Lobby, mood => mood with { Text = mood.Text + "der" });
        Assert.Equal("""{"Text":"sadder","added":1}""", ann.Meta.ToString());

        var grain = _cluster.Orleans.Client.TopicPresence(Lobby);
        var odd = await grain.Track("odd", PresenceMeta.Parse("""{"Text":1}"""));
        Assert.False(Assert.Single(await grain.GetByKey(Lobby, "odd")).Fits);
        await grain.Update(Lobby, odd, new Mood("even"), PresenceMeta.Parse("""{"Text":1,"kept":true}"""));
        Assert.Equal(["sadder", "even"], (await grain.List(Lobby)).Select(p => p.Meta!.Text));
        await grain.Track(Lobby, "third", new Mood("calm"));

        await received.FirstAsync(change => change.Entry is { Key: "odd", Fits: false });
        var even = await received.FirstAsync(change => change.Entry.Meta?.Text == "even");
        Assert.Equal("""{"Text":"even","kept":true}""", even.Entry.Entry.Meta.ToString());
        await received.FirstAsync(change => change.Entry.Key == "third");
        var listed = new List<string>();
        await foreach (var presence in _cluster.Client.ListAsync(Lobby))
        {
            listed.Add(presence.Meta!.Text);
        }

        Assert.Equal(["sadder", "even", "calm"], listed);
        Assert.Equal("calm", Assert.Single(await _cluster.Client.GetByKeyAsync(Lobby, "third")).Meta!.Text);
        await using var watched = _cluster.Client.WatchAsync(Lobby).GetAsyncEnumerator();
        Assert.True(await watched.MoveNextAsync().AsTask().WaitAsync(Timeout));
        Assert.True(watched.Current.Entry.Fits);
    }

    [Fact]
    public async Task Topic_of_another_name_is_rejected()
    {
        var other = new Topic<Mood>("other", MoodJson.Default.Mood);
        var grain = _cluster.Orleans.Client.TopicPresence(other);
        await using var ann = await _cluster.Client.TrackAsync(Lobby, "ann", new Mood("glad"));
        await Assert.ThrowsAsync<ArgumentException>(() => ann.UpdateAsync(other, new Mood("sad")));
        await Assert.ThrowsAsync<ArgumentException>(() => grain.Track(Lobby, "ann", new Mood("sad")));
    }
}

internal sealed record Mood(string Text);

[JsonSerializable(typeof(Mood))]
internal sealed partial class MoodJson : JsonSerializerContext;
