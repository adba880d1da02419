using System.Text.Json;

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

    [Fact]
    public async Task Counts_replace_members_until_the_next_state_which_gives_the_differences()
    {
        var sync = await SyncAsync("""{"ann":{"metas":[{"phx_ref":"a1"}]},"bob":{"metas":[{"phx_ref":"b1"}]}}""");
        Assert.Null(sync.Counts);
        Mode("counts");
        Counts(12, ""","sample":{"cid":{"metas":[{"phx_ref":"c1"}]},"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Assert.Equal((12, 11, true), (sync.Counts!.Count, sync.Counts.Keys, sync.Counts.Exact));
        Assert.Equal(new DateTimeOffset(2023, 11, 14, 22, 13, 20, 5, TimeSpan.Zero), sync.Counts.At);
        Counts(13);
        Counts(13, ""","sample":{}""");
        Assert.Equal(["Counts 12: ann a1, cid c1", "Counts 13: ann a1, cid c1", "Counts 13: "], _events);
        Assert.Equal("ann a1, bob b1", Shown(sync));
        _events.Clear();

        Mode("members");
        Assert.Null(sync.Counts);
        State("""{"bob":{"metas":[{"phx_ref":"b1"}]},"cid":{"metas":[{"phx_ref":"c1"}]}}""");
        Assert.Equal(["No counts", "Left ann a1", "Joined cid c1"], _events);
    }

    [Fact]
    public async Task Wait_for_the_first_state_ends_with_counts_and_the_state_after_them_is_the_first()
    {
        var sync = await SyncAsync();
        var synced = sync.SyncedAsync();
        Mode("counts");
        Assert.False(synced.IsCompleted);
        Counts(12);
        Assert.True(synced.IsCompletedSuccessfully);
        Assert.False(sync.Synced.IsCompleted);
        Assert.Empty(sync.Counts!.Sample);
        Mode("members");
        State("""{"ann":{"metas":[{"phx_ref":"a1"}]}}""");
        Assert.Equal(["Counts 12: ", "No counts", "Present ann a1"], _events);
    }

    [Fact]
    public async Task Page_has_presences_by_key_and_the_start_of_the_next()
    {
        var sync = await SyncAsync();
        var asking = sync.PageAsync("aaa", 2);
        Assert.Equal("""["1","2","t","presence_page",{"after":"aaa","limit":2}]""", _server.Sent[^1]);
        _server.Reply("2", response: """
            {"presences":{"bob":{"metas":[{"phx_ref":"b1"}]},"ann":{"metas":[{"phx_ref":"a1"}]}},"next":"bob"}
            """.Trim());
        var page = await asking;
        Assert.Equal(("ann a1, bob b1", "bob"), (Shown(page.Presences), page.Next));
        var last = sync.PageAsync("bob");
        _server.Reply("3", response: """{"presences":{},"next":null}""");
        Assert.Null((await last).Next);
        var failing = sync.PageAsync(limit: 0);
        _server.Reply("4", "error", """{"reason":"limit"}""");
        await Assert.ThrowsAsync<PhoenixException>(() => failing);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => sync.PageAsync(cancellation: new(canceled: true)));
    }

    private async Task<PresenceSync> SyncAsync(string? state = null)
    {
        PresenceSync? sync = null;
        await _server.JoinedAsync(channel =>
        {
            sync = new PresenceSync(
                channel,
                e => _events.Add($"{e.Kind} {e.Key} {Refs(e.Metas)}"),
                counts => _events.Add(
                    counts is null ? "No counts" : $"Counts {counts.Count}: {Shown(counts.Sample)}"));
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

    private void Mode(string mode) => _server.Push($$"""["1",null,"t","presence_mode",{"mode":"{{mode}}"}]""");

    private void Counts(int count, string sample = "")
    {
        var numbers = $"\"count\":{count},\"keys\":11,\"exact\":true,\"at\":1700000000005";
        _server.Push($$$"""["1",null,"t","presence_counts",{{{{numbers}}}{{{sample}}}}]""");
    }

    private static string Shown(PresenceSync sync) => Shown(sync.List());

    private static string Shown(IEnumerable<(string Key, IReadOnlyList<JsonElement> Metas)> presences) =>
        string.Join(", ", presences.Select(e => $"{e.Key} {Refs(e.Metas)}"));

    private static string Refs(IEnumerable<JsonElement> metas) =>
        string.Join(' ', metas.Select(meta => meta.GetProperty("phx_ref").GetString()));
}
