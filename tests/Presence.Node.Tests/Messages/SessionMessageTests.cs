using System.Text;
using Presence.Node.Messages;
using Presence.Tracker.Wire;

namespace Presence.Node.Tests.Messages;

public sealed class SessionMessageTests
{
    private static readonly SessionMessage Hello = SessionMessage.From("hello", new { By = "bob" });

    [Fact]
    public async Task Message_reaches_all_sessions_of_a_key_on_all_nodes_once()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var received = new Awaited<string>();
        var (tracker, other) = (cluster.Tracker(0), cluster.Tracker(1));
        var phone = Open(cluster[0], "phone", TimeSpan.Zero);
        var laptop = Open(cluster[1], "laptop", TimeSpan.FromMinutes(1));
        await tracker.TrackAsync(phone, "a", "ann");
        await tracker.TrackAsync(phone, "b", "ann");
        await other.TrackAsync(laptop, "b", "ann");
        await other.TrackAsync(laptop, "c", "bob");
        await TestCluster.UntilAsync(tracker, () => tracker.TopicsOf("bob").Count == 1, "node 0 lists all");
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("ann", Hello));
        await received.CountAsync(2);
        Assert.Equal(["laptop hello {\"by\":\"bob\"}", "phone hello {\"by\":\"bob\"}"], received.All.Order());

        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendAsync("a", "ann", Hello));
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendAsync("c", "bob", Hello));
        Assert.Equal(["phone", "laptop"], received.All.Skip(2).Select(line => line.Split(' ')[0]));
        Assert.Equal(SendToKeyResult.NotPresent, await tracker.SendAsync("c", "ann", Hello));
        Assert.Equal(SendToKeyResult.NotPresent, await tracker.SendToKeyAsync("eve", Hello));

        phone.End();
        Assert.Equal(SendToKeyResult.NotPresent, await tracker.SendAsync("a", "ann", Hello));

        PresenceSession Open(IPresenceNode node, string name, TimeSpan grace) => node.OpenSession(
            new PresenceSessionOptions
            {
                Grace = grace,
                OnMessage = message =>
                {
                    received.Add($"{name} {message.Name} {Encoding.UTF8.GetString(message.Json.Span)}");
                    return true;
                },
            });
    }

    [Fact]
    public async Task Detached_session_and_one_that_was_resumed_without_a_receiver_accept_no_message()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var tracker = cluster.Tracker(0);
        var received = 0;
        var options = new PresenceSessionOptions
        {
            Grace = TimeSpan.FromMinutes(1),
            OnMessage = _ => Interlocked.Increment(ref received) > 0,
        };
        var session = cluster[0].OpenSession(options);
        await tracker.TrackAsync(session, "t", "ann");
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("ann", Hello));
        session.Detach();
        Assert.Equal(SendToKeyResult.NotAccepted, await tracker.SendToKeyAsync("ann", Hello));

        var deaf = new PresenceSessionOptions { Grace = options.Grace };
        var resumed = await cluster[0].ResumeAsync(session.Token!, deaf);
        Assert.Equal(SendToKeyResult.NotAccepted, await tracker.SendToKeyAsync("ann", Hello));
        await cluster[0].ResumeAsync(resumed.Session.Token!, options);
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("ann", Hello));
        Assert.Equal(2, received);
    }

    [Fact]
    public async Task Sessions_that_take_no_message_reject_or_throw_do_not_accept_it()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var tracker = cluster.Tracker(0);
        await tracker.TrackAsync(cluster[0].OpenSession(), "t", "deaf");
        await TrackAsync("full", _ => false);
        await TrackAsync("failing", _ => throw new InvalidOperationException("as asked"));
        foreach (var key in (string[])["deaf", "full", "failing"])
        {
            Assert.Equal(SendToKeyResult.NotAccepted, await tracker.SendToKeyAsync(key, Hello));
        }

        await TrackAsync("full", _ => true);
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("full", Hello));

        async Task TrackAsync(string key, Func<SessionMessage, bool> receiver) => await tracker.TrackAsync(
            cluster[0].OpenSession(new PresenceSessionOptions { OnMessage = receiver }), "t", key);
    }

    [Fact]
    public async Task Resumed_session_receives_by_its_new_connection()
    {
        await using var cluster = await TestCluster.OfAsync(1);
        var (tracker, received) = (cluster.Tracker(0), new List<string>());
        var first = cluster[0].OpenSession(Options("first"));
        await tracker.TrackAsync(first, "t", "ann");
        first.Detach();
        var again = (await cluster[0].ResumeAsync(first.Token!, Options("second"))).Session;
        await tracker.TrackAsync(again, "t", "ann");
        Assert.Equal(SendToKeyResult.Accepted, await tracker.SendToKeyAsync("ann", Hello));
        Assert.Equal(["second"], received);

        PresenceSessionOptions Options(string name) => new()
        {
            Grace = TimeSpan.FromMinutes(1),
            OnMessage = _ =>
            {
                received.Add(name);
                return true;
            },
        };
    }

    [Fact]
    public async Task Session_of_another_node_that_takes_no_message_does_not_accept_it()
    {
        await using var cluster = await TestCluster.OfAsync(2);
        await TestCluster.UntilNodesAsync(cluster, 2);
        var tracker = cluster.Tracker(0);
        await cluster.Tracker(1).TrackAsync(cluster[1].OpenSession(), "t", "ann");
        await TestCluster.UntilAsync(tracker, () => tracker.IsOnline("ann"), "node 0 lists her");
        Assert.Equal(SendToKeyResult.NotAccepted, await tracker.SendToKeyAsync("ann", Hello));
        using var canceled = new CancellationTokenSource();
        await canceled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => tracker.SendToKeyAsync("ann", Hello, canceled.Token));
    }

    [Fact]
    public async Task Message_above_the_limit_is_rejected()
    {
        await using var cluster = await TestCluster.OfAsync(1, options => options.MaxMessageBytes = 10);
        var error = await Assert.ThrowsAsync<ArgumentException>(
            () => cluster.Tracker(0).SendToKeyAsync("ann", SessionMessage.From("hello", "12345678901")));
        Assert.Contains("MaxMessageBytes", error.Message);
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData("hello", "")]
    [InlineData("hello", "{")]
    [InlineData("hello", "{} {}")]
    [InlineData("hello", """ "\ud800" """)]
    public void Other_bytes_are_no_message(string name, string json) => Assert.ThrowsAny<ArgumentException>(
        () => new SessionMessage(name, Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Name_that_is_too_long_or_has_no_form_in_utf8_is_none()
    {
        Assert.Throws<ArgumentException>(() => SessionMessage.From(new string('n', 256), 1));
        Assert.Throws<ArgumentException>(() => SessionMessage.From("\ud800", 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("0101")]
    [InlineData("0101780001610162017b")]
    public void Other_bytes_are_no_frame(string hex) =>
        Assert.ThrowsAny<ShardFrameException>(() => MessageFrame.Decode(Convert.FromHexString(hex)));

    [Theory]
    [InlineData(null)]
    [InlineData("topic")]
    public void Frame_is_read_from_its_bytes(string? topic)
    {
        var frame = new MessageFrame("presence", topic, new string('k', 300), "hello", Hello.Json);
        var read = MessageFrame.Decode(frame.Encode());
        Assert.Equal(frame with { Json = default }, read with { Json = default });
        Assert.Equal(frame.Json.ToArray(), read.Json.ToArray());
    }
}
