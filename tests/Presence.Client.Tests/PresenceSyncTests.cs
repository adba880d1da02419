namespace Presence.Client.Tests;

public sealed class PresenceSyncTests
{
    private readonly ServerStub _server = new();
    private readonly List<string> _events = [];

    [Fact]
    public async Task First_state_lists_the_presences_ordered_by_key()
    {
        var sync = await SyncAsync();
        Assert.False(sync.Synced.IsCompleted);
        State("""{"bob":{"metas":[{"phx_ref":"b1"},{"phx_ref":"b2"}]},"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Assert.True(sync.Synced.IsCompletedSuccessfully);
        Assert.Equal(["Present ann a1", "Present bob b1 b2"], _events);
        Assert.Equal("ann a1, bob b1 b2", Shown(sync));
    }

    [Fact]
    public async Task Joins_append_metadata_and_a_key_leaves_with_its_last_metadata()
    {
        var sync = await SyncAsync("""{"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Diff("""{"ann":{"metas":[{"phx_ref":"a2"}]},"bob":{"metas":[{"phx_ref":"b1"}]}}""", "{}");
        Assert.Equal("ann a1 a2, bob b1", Shown(sync));
        Diff("{}", """{"ann":{"metas":[{"phx_ref":"a2"},{"phx_ref":"a1"}]},"ghost":{"metas":[{"phx_ref":"g1"}]}}""");
        Assert.Equal("bob b1", Shown(sync));
        Assert.Equal(["Joined ann a2", "Joined bob b1", "Left ann a2 a1", "Left ghost g1"], _events);
    }

    [Fact]
    public async Task Update_is_a_join_that_names_the_leave_it_replaces()
    {
        var sync = await SyncAsync("""{"ann":{"metas":[{"phx_ref":"a1"},{"phx_ref":"a2"}]}}""");
        Diff(
            """{"ann":{"metas":[{"phx_ref":"a3","phx_ref_prev":"a1"}]}}""",
            """{"ann":{"metas":[{"phx_ref":"a1"},{"phx_ref":"a2"}]}}""");
        Assert.Equal(["Left ann a2", "Updated ann a3"], _events);
        Assert.Equal("ann a3", Shown(sync));

        // The leave it replaces is unknown here.
        Diff("""{"bob":{"metas":[{"phx_ref":"b2","phx_ref_prev":"b1"}]}}""", "{}");
        Assert.Equal("Joined bob b2", _events[^1]);
    }

    [Fact]
    public async Task Diffs_before_the_first_state_are_applied_after_it()
    {
        var sync = await SyncAsync();
        Diff("""{"bob":{"metas":[{"phx_ref":"b1"}]}}""", """{"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Assert.Equal(("", false), (Shown(sync), sync.Synced.IsCompleted));
        State("""{"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Assert.Equal(["Present ann a1", "Left ann a1", "Joined bob b1"], _events);
        Assert.Equal("bob b1", Shown(sync));
    }

    [Fact]
    public async Task Later_state_is_compared_with_the_current_one()
    {
        var sync = await SyncAsync(
            """{"ann":{"metas":[{"phx_ref":"a1"},{"phx_ref":"a2"}]},"bob":{"metas":[{"phx_ref":"b1"}]}}""");
        State("""{"ann":{"metas":[{"phx_ref":"a2"},{"phx_ref":"a3"}]},"carl":{"metas":[{"phx_ref":"c1"}]}}""");
        Assert.Equal(["Left ann a1", "Left bob b1", "Joined ann a3", "Joined carl c1"], _events);
        Assert.Equal("ann a2 a3, carl c1", Shown(sync));
    }

    [Fact]
    public async Task Later_state_with_a_newer_version_is_an_update_also_after_several()
    {
        var sync = await SyncAsync(
            """{"ann":{"metas":[{"phx_ref":"a1"}]},"bob":{"metas":[{"phx_ref":"b1"},{"phx_ref":"b2"}]}}""");
        State("""
            {"ann":{"metas":[{"phx_ref":"a3","phx_ref_prev":"a2"}]},
            "bob":{"metas":[{"phx_ref":"b4","phx_ref_prev":"b3"}]}}
            """.ReplaceLineEndings("").Trim());
        Assert.Equal(["Left bob b1 b2", "Updated ann a3", "Joined bob b4"], _events);
        Assert.Equal("ann a3, bob b4", Shown(sync));
    }

    private async Task<PresenceSync> SyncAsync(string? state = null)
    {
        PresenceSync? sync = null;
        await _server.JoinedAsync(channel =>
        {
            sync = new PresenceSync(channel, e => _events.Add($"{e.Kind} {e.Key} {Refs(e.Metas)}"));
            return channel;
        });
        if (state is not null)
        {
            State(state);
            _events.Clear();
        }

        return sync!;
    }

    private void State(string state) => _server.Push($$"""["1",null,"t","presence_state",{{state}}]""");

    private void Diff(string joins, string leaves) =>
        _server.Push($$"""[null,null,"t","presence_diff",{"joins":{{joins}},"leaves":{{leaves}}}]""");

    private static string Shown(PresenceSync sync) =>
        string.Join(", ", sync.List().Select(e => $"{e.Key} {Refs(e.Metas)}"));

    private static string Refs(IEnumerable<System.Text.Json.JsonElement> metas) =>
        string.Join(' ', metas.Select(meta => meta.GetProperty("phx_ref").GetString()));
}
