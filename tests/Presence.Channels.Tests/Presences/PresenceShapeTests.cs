using Presence.Channels.Presences;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Presences;

public sealed class PresenceShapeTests
{
    [Theory]
    [InlineData("{}", """{"phx_ref":"R"}""")]
    [InlineData("{ }", """{ "phx_ref":"R"}""")]
    [InlineData("""{"a": 1 }""", """{"a": 1 ,"phx_ref":"R"}""")]
    [InlineData(""" {"a":{"b":[]}} """, """{"a":{"b":[]},"phx_ref":"R"}""")]
    [InlineData("""{"phx_ref":"mine"}""", """{"phx_ref":"R"}""")]
    [InlineData("""{"a":1,"phx_ref":{"x":1},"b":2,"phx_ref_prev":"p"}""", """{"a":1,"b":2,"phx_ref":"R"}""")]
    [InlineData("""{"\u0070hx_ref":"mine","b":2}""", """{"b":2,"phx_ref":"R"}""")]
    [InlineData("""{"inner":{"phx_ref":"kept"}}""", """{"inner":{"phx_ref":"kept"},"phx_ref":"R"}""")]
    [InlineData("""{"t":"a\"}phx_ref"}""", """{"t":"a\"}phx_ref","phx_ref":"R"}""")]
    [InlineData("""{"t":"caf\u00e9 😀"}""", """{"t":"caf\u00e9 😀","phx_ref":"R"}""")]
    public void Refs_are_added_to_the_metadata_which_stays_as_written(string meta, string expected)
    {
        var entry = Entry("k", 1, 0, meta);
        var json = FrameBuffer.Rent();
        PresencePayloads.Meta(json, entry, null);
        Assert.Equal(
            expected.Replace("\"R\"", $"\"{entry.Ref}\"", StringComparison.Ordinal),
            Encoding.UTF8.GetString(json.ToArrayAndReturn()));
    }

    public static TheoryData<string> Keys =>
        new("ann", "__proto__", "constructor", "😀", "a\"b\\\n", new string('é', 100), " ", "phx_ref");

    [Theory]
    [MemberData(nameof(Keys))]
    public void Any_key_survives_in_states_and_diffs(string key)
    {
        var entry = Entry(key, 1, 0, "{}");
        var state = JsonDocument.Parse(PresencePayloads.State([entry])).RootElement;
        Assert.Equal(entry.Ref, state.GetProperty(key).GetProperty("metas")[0].GetProperty("phx_ref").GetString());
        var diff = JsonDocument.Parse(PresencePayloads.Diff([PresenceChange.Joined(entry)])).RootElement;
        Assert.Equal(
            entry.Ref,
            diff.GetProperty("joins").GetProperty(key).GetProperty("metas")[0].GetProperty("phx_ref").GetString());
        Assert.Empty(diff.GetProperty("leaves").EnumerateObject());
    }

    [Fact]
    public void Update_is_a_leave_of_the_shown_version_and_a_join_that_refers_to_it()
    {
        var (old, now) = (Entry("k", 1, 0, """{"v":1}"""), Entry("k", 5, 3, """{"v":3}"""));
        Assert.Equal(
            ("""{"joins":{"k":{"metas":[{"v":3,"phx_ref":"NEW","phx_ref_prev":"OLD"}]}},"""
                + "\"leaves\":" + """{"k":{"metas":[{"v":1,"phx_ref":"OLD"}]}}}""")
                .Replace("NEW", now.Ref, StringComparison.Ordinal)
                .Replace("OLD", old.Ref, StringComparison.Ordinal),
            Encoding.UTF8.GetString(PresencePayloads.Diff([PresenceChange.Updated(old, now)])));
    }

    [Fact]
    public void Several_presences_of_a_key_share_its_metas()
    {
        var diff = Encoding.UTF8.GetString(PresencePayloads.Diff(
            [PresenceChange.Joined(Entry("k", 1, 0, "{}")), PresenceChange.Joined(Entry("x", 2, 0, "{}")),
                PresenceChange.Joined(Entry("k", 3, 0, "{}"))]));
        var joins = JsonDocument.Parse(diff).RootElement.GetProperty("joins");
        Assert.Equal(2, joins.EnumerateObject().Count());
        Assert.Equal(2, joins.GetProperty("k").GetProperty("metas").GetArrayLength());
    }

    [Fact]
    public void Leave_contains_the_version_that_was_shown()
    {
        var (shown, final) = (Entry("k", 1, 0, """{"v":1}"""), Entry("k", 3, 1, """{"v":3}"""));
        Assert.Equal(
            """{"joins":{},"leaves":{"k":{"metas":[{"v":1,"phx_ref":"OLD"}]}}}""".Replace(
                "OLD", shown.Ref, StringComparison.Ordinal),
            Encoding.UTF8.GetString(PresencePayloads.Diff([PresenceChange.Left(shown, final, default)])));
    }

    private static PresenceEntry Entry(string key, ulong sequence, ulong previous, string meta) =>
        new(new ReplicaId("n", 1), sequence, 1, previous, 7, "t", key, PresenceMeta.Parse(meta));
}
