using Microsoft.AspNetCore.SignalR.Protocol;

namespace Presence.SignalR.Tests;

public sealed class HubPresenceTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Users_of_two_servers_see_each_other_join_change_and_leave(bool messagePack, bool otherManager)
    {
        await using var servers = await HubServers.StartAsync(
            2, after: signalR => AddManager(signalR, otherManager));
        await using var ann = await servers.ConnectAsync(0, "ann", messagePack);
        await using var bob = await servers.ConnectAsync(1, "bob", messagePack);
        await ann.InvokeAsync("Join", "room");
        await bob.InvokeAsync("Join", "room");
        await ann.UntilKeysAsync("ann", "bob");
        await bob.UntilKeysAsync("ann", "bob");
        await ann.InvokeAsync("Update", "room", """{"busy":true,"n":[1,2.5,null,"x"],"o":{"a":1}}""");
        await bob.Events.FirstAsync(e => e == "updated ann");
        Assert.Equal("""{"busy":true,"n":[1,2.5,null,"x"],"o":{"a":1}}""", bob.Metas.Last().GetRawText());
        await using (var phone = await servers.ConnectAsync(0, "bob", messagePack))
        {
            await phone.InvokeAsync("Join", "room");
            await ann.Events.FirstAsync(e => e == "joined bob");
        }

        await ann.Events.FirstAsync(e => e == "left bob");
        await bob.DisposeAsync();
        await ann.Events.FirstAsync(e => e == "left bob last sessionEnded");
        Assert.Equal("ann", ann.Keys.All[^1]);
    }

    [Fact]
    public async Task Typed_update_keeps_unknown_fields_and_reports_metadata_that_do_not_fit()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        await ann.InvokeAsync("TrackText", "room", "ann", """{"x":1,"Name":"a"}""");
        await ann.InvokeAsync("Rename", "room", "b");
        Assert.Equal("""{"x":1,"Name":"b"}""", servers.Node(0).Tracker.List("room").Single().Meta.ToString());
        await ann.InvokeAsync("Update", "room", """{"Name":1}""");
        var error = await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync("Rename", "room", "c"));
        Assert.Contains("$.Name", error.Message);
    }

    [Fact]
    public async Task Push_of_a_topic_can_be_repeated_and_stopped()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        await ann.InvokeAsync("Push", "room");
        await ann.Events.CountAsync(1);
        await ann.InvokeAsync("Push", "room");
        await ann.Events.CountAsync(2);
        Assert.True(await ann.InvokeAsync<bool>("StopPush", "room"));
        Assert.False(await ann.InvokeAsync<bool>("StopPush", "room"));
        await ann.InvokeAsync("TrackText", "room", "ann", "{}");
        await ann.InvokeAsync("Push", "other");
        await ann.Events.CountAsync(3);
        Assert.Equal(["state", "state", "state"], ann.Events.All);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task View_of_a_client_is_pushed_with_what_moved_apart_from_joins_and_leaves(bool messagePack)
    {
        await using var servers = await HubServers.StartAsync(2);
        await using var ann = await servers.ConnectAsync(0, "ann", messagePack);
        await using var bob = await servers.ConnectAsync(1, "bob");
        var view = new PresenceView
        {
            First = 1,
            Prefix = "b",
            Where = new Dictionary<string, string> { ["/status"] = "busy" },
        };
        await ann.InvokeAsync("PushView", "room", view);
        await ann.Events.FirstAsync(e => e == "state");
        await bob.InvokeAsync("TrackText", "room", "bob", """{"status":"busy"}""");
        await ann.Events.FirstAsync(e => e == "joined bob first");
        await bob.InvokeAsync("TrackText", "room", "bea", """{"status":"free"}""");
        await bob.InvokeAsync("TrackText", "room", "buck", """{"status":"busy"}""");

        // Otherwise the join may arrive together with the change that makes room for it, as a join.
        await servers.UntilKeysAsync(0, "room", "bea", "bob", "buck");
        await bob.InvokeAsync("Update", "room", """{"status":"away"}""");
        await ann.Events.FirstAsync(e => e == "left bob outOfView");
        await ann.Events.FirstAsync(e => e == "joined buck outOfView");
        Assert.Equal("buck", ann.Keys.All[^1]);
    }

    [Fact]
    public async Task View_that_cannot_be_used_is_a_clear_error()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        var undeclared = new PresenceView { Where = new Dictionary<string, string> { ["/room"] = "1" } };
        foreach (var view in (object[])[undeclared, new { First = 0 }, new { Where = (string?)null, First = 1 }])
        {
            await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync("PushView", "room", view));
            await using var items =
                ann.Connection.StreamAsync<HubPresenceMessage>("WatchView", "room", view).GetAsyncEnumerator();
            await Assert.ThrowsAsync<HubException>(async () => await items.MoveNextAsync());
        }
    }

    [Fact]
    public async Task Stream_yields_the_state_and_then_changes_until_the_client_cancels()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        await using var bob = await servers.ConnectAsync(0, "bob");
        using var stop = new CancellationTokenSource();
        var items = ann.Connection.StreamAsync<HubPresenceMessage>("Watch", "room", stop.Token).GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync());
        Assert.Empty(items.Current.State!.Presences);
        await bob.InvokeAsync("TrackText", "room", "bob", "{}");
        Assert.True(await items.MoveNextAsync());
        Assert.True(Assert.Single(items.Current.Diff!.Changes).First);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await items.MoveNextAsync());
        Assert.Equal(["bob"], await ann.InvokeAsync<string[]>("Keys", "room"));
    }

    [Fact]
    public async Task Typed_stream_yields_metadata_of_the_type_and_why_others_do_not_fit()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        await ann.InvokeAsync("TrackText", "room", "ann", """{"Name":"a","x":1}""");
        var items = ann.Connection.StreamAsync<HubPresenceChanges<NamedUser>>("WatchNamed", "room")
            .GetAsyncEnumerator();
        Assert.True(await items.MoveNextAsync());
        Assert.True(items.Current.IsState);
        var shown = Assert.Single(items.Current.Changes);
        Assert.Equal(("joined", "ann", new NamedUser("a"), true), (shown.Kind, shown.Key, shown.Meta, shown.First));
        await ann.InvokeAsync("Update", "room", """{"Name":1}""");
        Assert.True(await items.MoveNextAsync());
        var odd = Assert.Single(items.Current.Changes);
        Assert.Equal((false, "updated", shown.Ref, null), (items.Current.IsState, odd.Kind, odd.PreviousRef, odd.Meta));
        Assert.Contains("$.Name", odd.Error);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Message_to_a_key_calls_its_clients_on_every_server(bool messagePack, bool otherManager)
    {
        await using var servers = await HubServers.StartAsync(
            2, options => options.Grace = TimeSpan.FromMinutes(1), after: signalR => AddManager(signalR, otherManager));
        var received = new Awaited<string>();
        await using var phone = await ConnectAsync(0);
        await using var laptop = await ConnectAsync(1);
        await phone.InvokeAsync("TrackText", "room", "ann", "{}");
        await laptop.InvokeAsync("Resume", null, "room", "{}");
        await servers.UntilKeysAsync(0, "room", "ann", "ann");
        var tracker = servers.Node(0).Tracker;
        var message = SessionMessage.From("Mention", new { by = "bob", n = new object[] { 1, 2.5, "x" } });
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("ann", message));
        await received.CountAsync(2);
        Assert.All(received.All, text => Assert.Equal("""{"by":"bob","n":[1,2.5,"x"]}""", text));
        Assert.Equal(SendToKeyResult.NotPresent, await tracker.SendAsync("other", "ann", message));

        await phone.DisposeAsync();
        await laptop.DisposeAsync();
        await servers.UntilKeysAsync(0, "room", "ann");
        await TestTimeouts.UntilAsync(
            "the detached session takes no message",
            TimeSpan.FromSeconds(30),
            async () => await tracker.SendToKeyAsync("ann", message) == SendToKeyResult.NotAccepted);

        async Task<HubUser> ConnectAsync(int server)
        {
            var user = await servers.ConnectAsync(server, "ann", messagePack);
            user.Connection.On<Dictionary<string, object>>(
                "Mention", payload => received.Add(JsonSerializer.Serialize(payload)));
            return user;
        }
    }

    [Fact]
    public async Task Untracked_presence_and_left_session_end_at_once()
    {
        await using var servers = await HubServers.StartAsync(1);
        await using var ann = await servers.ConnectAsync(0, "ann");
        await ann.InvokeAsync("TrackText", "room", "ann", "{}");
        await ann.InvokeAsync("TrackText", "room", "other", "{}");
        Assert.True(await ann.InvokeAsync<bool>("Untrack", "room"));
        Assert.False(await ann.InvokeAsync<bool>("Untrack", "room"));
        Assert.Equal(["other"], await ann.InvokeAsync<string[]>("Keys", "room"));
        await ann.InvokeAsync("Leave");
        Assert.Empty(await ann.InvokeAsync<string[]>("Keys", "room"));
        await ann.InvokeAsync("TrackText", "room", "again", "{}");
        Assert.Equal(["again"], await ann.InvokeAsync<string[]>("Keys", "room"));
    }

    [Fact]
    public async Task Bad_input_is_a_clear_error_and_changes_nothing()
    {
        await using var servers = await HubServers.StartAsync(1, options =>
            (options.MaxPresences, options.MaxTopics) = (1, 1));
        await using var ann = await servers.ConnectAsync(0, "ann");
        await FailsAsync("255", "TrackText", "room", new string('k', 300), "{}");
        await FailsAsync("65536", "TrackText", "room", "ann", $$"""{"a":"{{new string('x', 70_000)}}"}""");
        await FailsAsync("empty", "TrackText", "", "ann", "{}");
        await FailsAsync("Not tracked", "Update", "room", "{}");
        Assert.Empty(await ann.InvokeAsync<string[]>("Keys", "room"));
        await ann.InvokeAsync("TrackText", "room", "ann", "{}");
        await FailsAsync("1 presences", "TrackText", "room", "bob", "{}");
        await ann.InvokeAsync("Push", "room");
        await FailsAsync("1 pushed topics", "Push", "other");

        async Task FailsAsync(string message, string method, params object?[] arguments)
        {
            var error = await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync(method, arguments));
            Assert.Contains(message, error.Message, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Authorizer_is_asked_with_the_user_of_the_connection()
    {
        var authorizer = new Rejecting();
        await using var servers = await HubServers.StartAsync(
            1, services: services => services.AddSingleton<IPresenceAuthorizer>(authorizer));
        await using var ann = await servers.ConnectAsync(0, "ann");
        foreach (var (method, arguments) in ((string, object[])[])
            [
                ("TrackText", ["room", "ann", "{}"]), ("Update", ["room", "{}"]), ("Untrack", ["room"]),
                ("Push", ["room"]), ("Keys", ["room"]),
            ])
        {
            var error = await Assert.ThrowsAsync<HubException>(() => ann.InvokeAsync(method, arguments));
            Assert.Contains("authorizer", error.Message);
        }

        Assert.Equal(
            [
                PresenceOperation.Track, PresenceOperation.Update, PresenceOperation.Untrack,
                PresenceOperation.Subscribe, PresenceOperation.Read,
            ],
            authorizer.Asked.Select(access => access.Operation));
        Assert.All(authorizer.Asked, access => Assert.NotNull(access.User));
    }

    [Fact]
    public async Task Message_is_serialized_once_for_all_connections_of_a_protocol()
    {
        var counting = new CountingProtocol();
        await using var servers = await HubServers.StartAsync(1, services: services =>
        {
            services.Remove(services.Single(s => s.ImplementationType == typeof(JsonHubProtocol)));
            services.AddSingleton<IHubProtocol>(counting);
        });
        var users = new List<HubUser>();
        for (var i = 0; i < 5; i++)
        {
            users.Add(await servers.ConnectAsync(0, $"user {i}"));
            await users[i].InvokeAsync("Push", "room");
            await users[i].Events.CountAsync(1);
        }

        await users[0].InvokeAsync("TrackText", "room", "ann", "{}");
        await Task.WhenAll(users.Select(user => user.UntilKeysAsync("ann")));
        Assert.Equal(1, counting.Diffs);
        await Task.WhenAll(users.Select(user => user.DisposeAsync().AsTask()));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(90_000, 1)]
    [InlineData(0, 0)]
    public async Task Options_out_of_range_stop_the_start(int grace, int topics)
    {
        var error = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => HubServers.StartAsync(1, options =>
                (options.Grace, options.MaxTopics) = (TimeSpan.FromSeconds(grace), topics)));
        Assert.Contains("Presence:SignalR", error.Message);
    }

    private static void AddManager(ISignalRServerBuilder signalR, bool isWanted)
    {
        if (isWanted)
        {
            // As a backplane does that is added later.
            signalR.Services.AddSingleton(typeof(HubLifetimeManager<>), typeof(DefaultHubLifetimeManager<>));
        }
    }

    private sealed class Rejecting : IPresenceAuthorizer
    {
        public List<PresenceAccess> Asked { get; } = [];

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            Asked.Add(access);
            return new(false);
        }
    }
}
