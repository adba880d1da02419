using System.Text;
using System.Text.Json;
using Presence.Tracker.Views;

namespace Presence.Tracker.Tests.Views;

public sealed class PresenceViewTests
{
    [Fact]
    public void View_is_read_from_json_and_equals_one_with_the_same_parts()
    {
        var read = Parse("""{"where":{"/b":true,"/a":"x","/n":1.5},"prefix":"an","first":50}""");
        var built = new PresenceView
        {
            First = 50,
            Prefix = "an",
            Where = new Dictionary<string, string> { ["/a"] = "x", ["/n"] = "1.5", ["/b"] = "true" },
        };
        Assert.Equal(built, read);
        Assert.Equal(built.GetHashCode(), read.GetHashCode());
        Assert.NotEqual(built, built with { First = 51 });
        Assert.Equal(built, Parse(built.ToString()));
        Assert.Equal("""{"first":50,"prefix":"an","where":{"/a":"x","/b":"true","/n":"1.5"}}""", built.ToString());
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{"firsts":1}""")]
    [InlineData("""{"first":0}""")]
    [InlineData("""{"first":1001}""")]
    [InlineData("""{"first":1.5}""")]
    [InlineData("""{"first":"1"}""")]
    [InlineData("""{"prefix":1}""")]
    [InlineData("""{"prefix":"\ud800"}""")]
    [InlineData("""{"where":["/status"]}""")]
    [InlineData("""{"where":{"status":"busy"}}""")]
    [InlineData("""{"where":{"/a~2":"busy"}}""")]
    [InlineData("""{"where":{"/a":{"b":1}}}""")]
    [InlineData("""{"where":{"/a":null}}""")]
    [InlineData("""{"where":{"/a":"1","/b":"1","/c":"1","/d":"1","/e":"1"}}""")]
    public void Malformed_view_is_rejected_with_the_reason(string json)
    {
        var error = Assert.Throws<PresenceViewException>(() => Parse(json));
        Assert.NotEmpty(error.Message);
    }

    [Fact]
    public void Long_parts_are_rejected()
    {
        var text = new string('x', PresenceView.MaxText + 1);
        Assert.Throws<PresenceViewException>(() => new PresenceView { Prefix = text }.Check());
        Assert.Throws<PresenceViewException>(
            () => new PresenceView { Where = new Dictionary<string, string> { ["/a"] = text } }.Check());
        Assert.Throws<PresenceViewException>(
            () => new PresenceView { Where = new Dictionary<string, string> { ["/" + text] = "a" } }.Check());
    }

    [Fact]
    public void Field_must_be_declared_for_the_topic()
    {
        var options = new TrackerOptions().AddIndex("cart:*", "/status");
        var view = new PresenceView { Where = new Dictionary<string, string> { ["/status"] = "busy" } };
        options.Check(view, "cart:1");
        var error = Assert.Throws<PresenceViewException>(() => options.Check(view, "room:1"));
        Assert.Contains("AddIndex", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => options.AddIndex("a*b", "/status"));
        Assert.Throws<ArgumentException>(() => options.AddIndex("cart:*", "status"));
    }

    [Theory]
    [InlineData("/a", "x")]
    [InlineData("/n", "1.50")]
    [InlineData("/t", "true")]
    [InlineData("/o/p", "deep")]
    [InlineData("/o/list/1", "two")]
    [InlineData("/o/list/01", null)]
    [InlineData("/o/list/2", null)]
    [InlineData("/o/list", null)]
    [InlineData("/o", null)]
    [InlineData("/z", null)]
    [InlineData("/none", null)]
    [InlineData("/a/b", null)]
    [InlineData("/sl~1ash~0", "s")]
    [InlineData("/", "empty")]
    public void Field_is_found_by_its_pointer(string field, string? value)
    {
        const string Json = """
            {"o":{"q":[{"p":"no"}],"p":"deep","list":["one","two"]},"a":"x","n":1.50,"t":true,"z":null,
             "sl/ash~":"s","":"empty"}
            """;
        Assert.Equal(value, new FieldPointer(field).Read(Encoding.UTF8.GetBytes(Json)));
    }

    private static PresenceView Parse(string json) => PresenceView.Parse(JsonDocument.Parse(json).RootElement);
}
