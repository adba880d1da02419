using System.Text.Json;
using System.Text.Json.Serialization;

namespace Presence.Tracker.Tests.Entries;

public sealed class TopicTests
{
    private static readonly Topic<Profile> Lobby = new("lobby", ProfileJson.Default.Profile);

    [Fact]
    public void Metadata_that_fit_are_read()
    {
        var read = Lobby.Read(Entry("""{"name":"ann","place":{"city":"Bonn","zip":1},"other":[1]}"""));
        Assert.True(read.Fits);
        Assert.Null(read.Error);
        Assert.Equal(("ann", new Profile("ann", new Place("Bonn"))), (read.Key, read.Meta));
    }

    [Theory]
    [InlineData("""{"name":1}""", "$.name")]
    [InlineData("""{}""", "name")]
    [InlineData("""{"name":"rude"}""", "rude names")]
    public void Metadata_that_do_not_fit_are_shown_as_json_with_the_reason(string json, string reason)
    {
        var read = Lobby.Read(Entry(json));
        Assert.False(read.Fits);
        Assert.Null(read.Meta);
        Assert.Contains(reason, read.Error, StringComparison.Ordinal);
        Assert.Equal(json, read.Entry.Meta.ToString());
    }

    [Fact]
    public void Change_is_read_with_the_version_before_it()
    {
        var (old, entry) = (Entry("""{"name":7}"""), Entry("""{"name":"ann"}"""));
        var change = Assert.Single(Lobby.Read([PresenceChange.Updated(old, entry)]));
        Assert.Equal((PresenceChangeKind.Updated, "ann"), (change.Kind, change.Entry.Meta!.Name));
        Assert.False(change.LastShown!.Value.Fits);
        Assert.Null(Lobby.Read(PresenceChange.Joined(entry)).LastShown);
    }

    [Theory]
    [InlineData("""{}""", """{"name":"bob"}""")]
    [InlineData("""{"x":1,"name":"ann","y":{"z":[1.50]}}""", """{"x":1,"name":"bob","y":{"z":[1.50]}}""")]
    [InlineData("""{"name":"ann","place":{"city":"Bonn"}}""", """{"name":"bob"}""")]
    [InlineData("""{"name":"bob","text":"é\u00e9"}""", """{"name":"bob","text":"é\u00e9"}""")]
    [InlineData("""{"name":1,"name":2,"x":3}""", """{"name":"bob","x":3}""")]
    public void Fields_that_the_type_does_not_know_are_kept(string current, string expected) => Assert.Equal(
        expected, Lobby.Write(new Profile("bob", null), PresenceMeta.Parse(current)).ToString());

    [Fact]
    public void Unknown_fields_of_inner_objects_are_kept_and_arrays_are_replaced()
    {
        var current = PresenceMeta.Parse("""{"place":{"zip":1,"city":"Bonn"},"name":"ann","tags":["a","b"]}""");
        Assert.Equal(
            """{"place":{"zip":1,"city":"Rome"},"name":"ann","tags":["t"]}""",
            Lobby.Update(current, p => p with { Place = new Place("Rome"), Tags = ["t"] }).ToString());
    }

    [Fact]
    public void Polymorphic_objects_are_replaced()
    {
        var topic = new Topic<Shape>("shapes", ProfileJson.Default.Shape);
        Assert.Equal("""{"$type":"dot"}""", topic.Write(new Dot(), PresenceMeta.Parse("""{"x":1}""")).ToString());
    }

    [Fact]
    public void Update_of_metadata_that_do_not_fit_fails_with_the_reason()
    {
        var error = Assert.Throws<PresenceMetaException>(
            () => Lobby.Update(PresenceMeta.Parse("""{"name":1}"""), profile => profile));
        Assert.Contains("$.name", error.Message);
    }

    [Fact]
    public void Value_that_is_no_object_is_rejected() => Assert.Throws<PresenceMetaException>(
        () => new Topic<int>("t", ProfileJson.Default.Int32).Write(1));

    [Fact]
    public void Text_is_written_as_utf8() => Assert.Equal(
        """{"name":"é"}""", PresenceMeta.From(new Profile("é", null), ProfileJson.Default.Profile).ToString());

    private static PresenceEntry Entry(string json) =>
        new(new("node", 1), 1, 1, 0, 1, "lobby", "ann", PresenceMeta.Parse(json));
}

internal sealed record Profile
{
    public Profile(string name, Place? place) =>
        (Name, Place) = (name != "rude" ? name : throw new ArgumentException("no rude names"), place);

    [JsonRequired]
    public string Name { get; init; }

    public Place? Place { get; init; }

    public string[]? Tags { get; init; }
}

internal sealed record Place(string City);

[JsonDerivedType(typeof(Dot), "dot")]
internal abstract record Shape;

internal sealed record Dot : Shape;

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Profile))]
[JsonSerializable(typeof(Shape))]
[JsonSerializable(typeof(int))]
internal sealed partial class ProfileJson : JsonSerializerContext;
