using Presence.Tracker.Cursors;

namespace Presence.Channels.Tests.Presences;

/// <summary>What an application adds to the presences that clients are shown.</summary>
public sealed class FetchTests
{
    [Fact]
    public async Task Fields_are_beside_the_metas_in_states_joins_and_leaves()
    {
        using var harness = new Harness(presence: _ => new Names());
        var (ann, bob) = (harness.Connect(), harness.Connect());
        await ann.JoinAsync("room:a", "1", """{"key":"ann"}""");
        var annRef = harness.Node.GetByKey("room:a", "ann")[0].Ref;
        Assert.Equal(
            """["1",null,"room:a","presence_state",{"ann":{"metas":"""
                + $$$$"""[{"phx_ref":"{{{{annRef}}}}"}],"user":{"name":"ANN"}}}]""",
            await ann.NextAsync());

        await bob.JoinAsync("room:a", "1", """{"key":"bob"}""");
        var join = await harness.TickUntilAsync(ann.NextAsync());
        var bobRef = harness.Node.GetByKey("room:a", "bob")[0].Ref;
        var bobs = $$$$"""{"bob":{"metas":[{"phx_ref":"{{{{bobRef}}}}"}],"user":{"name":"BOB"}}}""";
        Assert.Equal($$$"""["1",null,"room:a","presence_diff",{"joins":{{{bobs}}},"leaves":{}}]""", join);

        await harness.TickUntilAsync(bob.NextAsync());
        bob.Session.End();
        var leave = await harness.TickUntilAsync(ann.NextAsync());
        Assert.Equal($$$"""["1",null,"room:a","presence_diff",{"joins":{},"leaves":{{{bobs}}}}]""", leave);
    }

    [Fact]
    public async Task FetchAsync_is_called_once_per_message_for_any_number_of_clients()
    {
        var names = new Names();
        using var harness = new Harness(presence: _ => names);
        var clients = Enumerable.Range(0, 20).Select(_ => harness.Connect()).ToList();
        foreach (var client in clients)
        {
            await client.JoinAsync("watch:room:a");
            await harness.TickUntilAsync(new ClientPresences(client).UntilAsync(_ => true));
        }

        names.Calls.Clear();
        await harness.Node.TrackAsync(harness.Node.OpenSession(), "room:a", "ann", PresenceMeta.Empty);
        foreach (var client in clients)
        {
            Assert.Contains("ANN", await harness.TickUntilAsync(client.NextAsync()), StringComparison.Ordinal);
        }

        Assert.Equal(["ann"], Assert.Single(names.Calls));
    }

    [Fact]
    public async Task Fields_are_beside_the_metas_of_what_a_client_has_missed()
    {
        var names = new Names();
        using var harness = new Harness(presence: _ => names);
        var session = harness.Node.OpenSession();
        await harness.Node.TrackAsync(session, "room:a", "ann", PresenceMeta.Empty);
        var cursor = TopicCursor.Of(TopicDigest.Of("room:a", harness.Node.List("room:a")))!.Text;
        await harness.Node.TrackAsync(session, "room:a", "bob", PresenceMeta.Empty);
        var client = harness.Connect();
        await client.SendAsync($$"""["1","1","watch:room:a","phx_join",{"cursor":"{{cursor}}"}]""");
        Assert.Contains("resumed", await client.NextAsync(), StringComparison.Ordinal);
        var missed = await harness.TickUntilAsync(client.NextAsync());
        Assert.Contains("\"user\":{\"name\":\"BOB\"}}},\"leaves\":{},\"cursor\"", missed, StringComparison.Ordinal);
        Assert.Equal(["bob"], Assert.Single(names.Calls));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Presences_are_sent_without_fields_if_FetchAsync_fails_or_hangs(bool hangs)
    {
        using var harness = new Harness(presence: _ => new Broken(hangs));
        var client = harness.Connect();
        await client.JoinAsync("room:a", "1", """{"key":"ann"}""");
        Assert.EndsWith("\"}]}}]", await harness.TickUntilAsync(client.NextAsync()), StringComparison.Ordinal);
        Assert.Equal(1, harness.Counted("presence.channel.failures:fetch"));
    }

    [Fact]
    public async Task State_is_fetched_again_for_the_next_client_after_a_failure()
    {
        var names = new Names();
        using var harness = new Harness(presence: _ => names);
        await harness.Node.TrackAsync(harness.Node.OpenSession(), "room:a", "ann", PresenceMeta.Empty);
        Assert.Contains("ANN", await StateAsync(), StringComparison.Ordinal);
        names.Fails = true;
        Assert.DoesNotContain("ANN", await StateAsync(), StringComparison.Ordinal);
        names.Fails = false;
        Assert.Contains("ANN", await StateAsync(), StringComparison.Ordinal);

        async Task<string> StateAsync()
        {
            var client = harness.Connect();
            await client.JoinAsync("watch:room:a");
            return await harness.TickUntilAsync(client.NextAsync());
        }
    }

    [Fact]
    public async Task Slow_fetch_delays_only_its_topic_and_loses_and_repeats_nothing()
    {
        var slow = new Slow("room:slow");
        using var harness = new Harness(presence: _ => slow);
        var (ann, bob) = (harness.Connect(), harness.Connect());
        await ann.JoinAsync("room:slow", "1", """{"key":"ann"}""");
        await slow.Called.Task.WaitAsync(TestClient.Timeout);
        await bob.JoinAsync("room:slow", "1", """{"key":"bob"}""");
        await bob.JoinAsync("room:quick", "2", """{"key":"bob"}""");
        Assert.Contains("room:quick", await bob.NextAsync(), StringComparison.Ordinal);

        slow.Gate.SetResult();
        var views = new[] { new ClientPresences(ann), new ClientPresences(bob) };
        foreach (var view in views)
        {
            await harness.TickUntilAsync(view.UntilAsync(v => v.Metas.Count == 2));
        }

        Assert.Equal(views[0].Summary, views[1].Summary);
    }

    [Fact]
    public void Fields_named_metas_and_unknown_keys_are_rejected()
    {
        var fetch = new PresenceFetch("t", new() { ["ann"] = [] });
        Assert.Throws<ArgumentException>(() => fetch.Put("ann", "metas", 1));
        Assert.Throws<KeyNotFoundException>(() => fetch.Put("bob", "user", 1));
        fetch.Put("ann", "a\"b", 1);
        fetch.Put("ann", "a\"b", 2);
        Assert.Equal(",\"a\\\"b\":2", System.Text.Encoding.UTF8.GetString(fetch.Encode()["ann"]));
    }

    private sealed class Names : ChannelPresence
    {
        public List<IReadOnlyCollection<string>> Calls { get; } = [];
        public bool Fails { get; set; }

        protected internal override ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation)
        {
            Calls.Add([.. presences.Keys]);
            if (Fails)
            {
                throw new InvalidOperationException("as asked");
            }

            foreach (var key in presences.Keys)
            {
                Assert.NotEmpty(presences.Entries(key));
                presences.Put(key, "user", new { name = key.ToUpperInvariant() });
            }

            return default;
        }
    }

    private sealed class Broken(bool hangs) : ChannelPresence
    {
        protected internal override async ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation)
        {
            if (hangs)
            {
                await new TaskCompletionSource().Task;
            }

            throw new InvalidOperationException("as asked");
        }
    }

    private sealed class Slow(string topic) : ChannelPresence
    {
        public TaskCompletionSource Called { get; } = new();
        public TaskCompletionSource Gate { get; } = new();

        protected internal override async ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation)
        {
            if (presences.Topic == topic)
            {
                Called.TrySetResult();
                await Gate.Task;
            }
        }
    }
}
