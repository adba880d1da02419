using System.Threading.Channels;
using Presence.Harness.Fakes;

namespace Presence.Client.Tests;

public sealed class ReconnectingSocketTests : IAsyncLifetime
{
    private const string Joined = """{"resume":"token 1"}""";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly TestTime _time = new();
    private readonly Channel<ServerStub> _servers = Channel.CreateUnbounded<ServerStub>();
    private readonly Channel<ChannelState> _states = Channel.CreateUnbounded<ChannelState>();
    private ReconnectingSocket _socket = null!;
    private bool _isDown;

    public Task InitializeAsync()
    {
        _socket = Open();
        return Task.CompletedTask;
    }

    public Task DisposeAsync() => _socket.DisposeAsync().AsTask();

    [Fact]
    public async Task Channel_joins_the_next_connection_with_its_parameters_and_token()
    {
        var (said, page) = (new List<string>(), 1);
        var channel = Join(() => new { page = page++ }, c => c.On("said", payload => said.Add(payload.GetRawText())));
        var first = await ServerAsync();
        Assert.Equal("""["1","1","t","phx_join",{"page":1}]""", first.Sent[0]);
        first.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        Assert.False(channel.IsResumed);
        first.Push("""["1",null,"t","said",{"n":1}]""");

        first.Socket.End("closed with 1012");
        await StateAsync(ChannelState.Joining);
        await Assert.ThrowsAsync<PhoenixException>(() => channel.PushAsync("lost"));
        var second = await ServerAsync();
        await UntilAsync(() => second.Sent.Count == 1);
        Assert.Equal("""["1","1","t","phx_join",{"page":2,"resume":"token 1"}]""", second.Sent[0]);
        second.Reply("1", response: """{"resume":"token 2","resumed":true}""");
        await StateAsync(ChannelState.Joined);
        Assert.True(channel.IsResumed);
        second.Push("""["1",null,"t","said",{"n":2}]""");
        Assert.Equal(["""{"n":1}""", """{"n":2}"""], said);
        var pushing = channel.PushAsync("say");
        second.Reply("2");
        await pushing;

        second.Socket.End("closed with 1006");
        var third = await ServerAsync();
        await UntilAsync(() => third.Sent.Count == 1);
        Assert.Contains("\"token 2\"", third.Sent[0]);
    }

    [Fact]
    public async Task Channel_that_fails_joins_again_on_its_connection()
    {
        Join();
        var server = await ServerAsync();
        server.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        server.Push("""["1","1","t","phx_error",{}]""");
        await StateAsync(ChannelState.Joining);
        await UntilAsync(() => server.Sent.Count == 2);
        Assert.Equal("""["2","2","t","phx_join",{"resume":"token 1"}]""", server.Sent[1]);
    }

    [Fact]
    public async Task Counts_end_with_the_next_join_until_the_server_announces_them_again()
    {
        const string Counts = """["1",null,"t","presence_counts",{"count":12,"keys":11,"exact":true,"at":1}]""";
        var (seen, sync) = (new List<int?>(), (PresenceSync?)null);
        Join(listen: c => sync = new PresenceSync(c, countsChanged: counts => seen.Add(counts?.Count)));
        var first = await ServerAsync();
        first.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        first.Push(Counts);
        first.Socket.End("closed");
        await StateAsync(ChannelState.Joining);
        Assert.Equal(12, sync!.Counts!.Count);
        var second = await ServerAsync();
        await UntilAsync(() => second.Sent.Count == 1);
        Assert.Null(sync.Counts);
        second.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        second.Push(Counts);
        Assert.Equal([12, null, 12], seen);
    }

    [Fact]
    public async Task Rejected_join_is_repeated_without_the_token()
    {
        Join();
        var first = await ServerAsync();
        first.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        first.Socket.End("closed");
        var server = await ServerAsync();
        await UntilAsync(() => server.Sent.Count == 1);
        server.Reply("1", "error");
        await StateAsync(ChannelState.Rejected);
        await UntilAsync(() => server.Sent.Count == 2);
        Assert.Equal("""["2","2","t","phx_join",{}]""", server.Sent[1]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Superseded_or_closed_channel_does_not_come_back(bool isSuperseded)
    {
        Join();
        var server = await ServerAsync();
        server.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        if (isSuperseded)
        {
            server.Push("""["1",null,"t","presence_superseded",{}]""");
        }

        server.Push("""["1","1","t","phx_close",{}]""");
        await StateAsync(isSuperseded ? ChannelState.Superseded : ChannelState.Closed);
        server.Socket.End("closed");
        Assert.Empty((await ServerAsync()).Sent);
    }

    [Fact]
    public async Task Left_channel_does_not_come_back()
    {
        var channel = Join();
        var server = await ServerAsync();
        server.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        var leaving = channel.LeaveAsync();
        server.Reply("2");
        await leaving;
        server.Socket.End("closed");
        Assert.Empty((await ServerAsync()).Sent);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Channel_left_during_its_join_leaves_after_the_answer_or_its_timeout(bool isAnswered)
    {
        var channel = Join();
        var server = await ServerAsync();
        await UntilAsync(() => server.Sent.Count == 1);
        await channel.LeaveAsync();
        if (isAnswered)
        {
            server.Reply("1", response: Joined);
        }
        else
        {
            server.Time.Advance(TimeSpan.FromSeconds(10));
        }

        await UntilAsync(() => server.Sent.Count == 2);
        Assert.Equal("""["1","2","t","phx_leave",{}]""", server.Sent[1]);
        server.Reply("2");
        Assert.Equal(ChannelState.Closed, channel.State);
        Assert.True(_states.Reader.TryRead(out var state));
        Assert.Equal(ChannelState.Closed, state);
        Assert.False(_states.Reader.TryRead(out _));
    }

    [Fact]
    public async Task Disposed_socket_closes_its_channels_and_may_be_disposed_again()
    {
        var channel = Join();
        var waiting = channel.JoinedAsync();
        await ServerAsync();
        await _socket.DisposeAsync();
        await Assert.ThrowsAsync<PhoenixException>(() => waiting.WaitAsync(Timeout));
        Assert.Equal(ChannelState.Closed, channel.State);
        await _socket.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => _socket.Join("u"));
    }

    [Fact]
    public async Task Attempts_continue_while_the_server_is_down_and_report_why()
    {
        Join();
        var first = await ServerAsync();
        _isDown = true;
        first.Socket.End("closed");
        await UntilAsync(() => _socket.LastError == "does not answer");
        _isDown = false;
        var second = await ServerAsync();
        await UntilAsync(() => second.Sent.Count == 1);
    }

    [Fact]
    public async Task Exceptions_of_parameters_and_handlers_are_reported_and_the_channel_continues()
    {
        var (failures, joins) = (new List<string>(), 0);
        _socket.HandlerFailed = error => failures.Add(error.Message);
        var channel = Join(
            () => joins++ == 0 ? throw new InvalidOperationException("parameters") : null,
            c => c.On("said", _ => throw new InvalidOperationException("handler")));
        var joined = channel.JoinedAsync();
        var server = await ServerAsync();
        await UntilAsync(() => server.Sent.Count == 1);
        Assert.False(joined.IsCompleted);
        server.Reply("1", response: Joined);
        await joined;
        server.Push("""["1",null,"t","said",{}]""");
        Assert.Equal(["parameters", "handler"], failures);
        var pushing = channel.PushAsync("say");
        server.Reply("2");
        await pushing;
    }

    [Fact]
    public async Task Wait_for_the_join_ends_with_its_token_and_with_the_channel()
    {
        var channel = Join();
        var waiting = channel.JoinedAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => channel.JoinedAsync(new(canceled: true)));
        await channel.LeaveAsync();
        await Assert.ThrowsAsync<PhoenixException>(() => waiting);
        await Assert.ThrowsAsync<PhoenixException>(() => channel.JoinedAsync());
    }

    [Fact]
    public void Options_that_are_out_of_range_are_rejected()
    {
        foreach (var options in (PhoenixOptions[])[
            new() { Heartbeat = TimeSpan.Zero }, new() { Timeout = TimeSpan.Zero }, new() { MaxPending = 0 },
            new() { MaxMessageBytes = 0 }, new() { MaxMessageBytes = 1 << 30 },
            new() { Heartbeat = TimeSpan.FromDays(50) }, new() { Timeout = TimeSpan.FromDays(50) }])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new ReconnectingSocket(new("ws://localhost"), options));
        }
    }

    [Theory]
    [InlineData(-1000, 1000)]
    [InlineData(0, 1000)]
    [InlineData(9, 1000)]
    [InlineData(1000, 999)]
    [InlineData(1000, 25 * 86_400_000L)]
    public void Delays_that_end_the_attempts_or_flood_the_server_are_rejected(long first, long max)
    {
        var delay = new ReconnectDelay
        {
            First = TimeSpan.FromMilliseconds(first),
            Max = TimeSpan.FromMilliseconds(max),
        };
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new ReconnectingSocket(new Uri("ws://localhost"), delay: delay));
    }

    [Fact]
    public async Task Slow_handler_of_changes_holds_up_neither_its_channel_nor_the_next_connection()
    {
        using var gate = new SemaphoreSlim(0);
        var channel = Join(listen: c => c.Changed += _ => gate.Wait(Timeout));
        var first = await ServerAsync();
        var replying = Task.Run(() => first.Reply("1", response: Joined));
        await StateAsync(ChannelState.Joined);

        await Task.Run(() => channel.JoinedAsync()).WaitAsync(Timeout / 2);
        var ending = Task.Run(() => first.Socket.End("closed with 1006"));
        var second = await ServerAsync();
        await UntilAsync(() => second.Sent.Count == 1);
        Assert.Equal(ChannelState.Joining, channel.State);
        Assert.False(_states.Reader.TryRead(out _), "The calls overlap.");

        gate.Release(3);
        await StateAsync(ChannelState.Joining);
        second.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        await Task.WhenAll(replying, ending);
    }

    [Fact]
    public async Task Handler_of_a_lost_connection_runs_outside_of_the_lock_of_the_socket()
    {
        using var gate = new SemaphoreSlim(0);
        Join(listen: c => c.Changed += joining => gate.Wait(joining.State == ChannelState.Joining ? Timeout : default));
        var first = await ServerAsync();
        first.Reply("1", response: Joined);
        await StateAsync(ChannelState.Joined);
        var ending = Task.Run(() => first.Socket.End("closed with 1006"));
        await StateAsync(ChannelState.Joining);
        var other = await Task.Run(() => _socket.Join("u")).WaitAsync(Timeout / 2);
        Assert.Equal(ChannelState.Joining, other.State);
        await Task.Run(() => other.LeaveAsync()).WaitAsync(Timeout / 2);
        gate.Release();
        await ending;
    }

    [Fact]
    public async Task Change_within_a_call_is_announced_after_it()
    {
        var server = await ServerAsync();
        var (calls, depth) = (new List<(ChannelState State, int Depth)>(), 0);
        Join(listen: c => c.Changed += changed =>
        {
            calls.Add((changed.State, ++depth));
            if (changed.State == ChannelState.Joined)
            {
                server.Push("""["1",null,"t","presence_superseded",{}]""");
            }

            depth--;
        });
        server.Reply("1", response: Joined);
        await StateAsync(ChannelState.Superseded);
        await _socket.DisposeAsync();
        Assert.Equal([(ChannelState.Joined, 1), (ChannelState.Superseded, 1)], calls);
    }

    [Theory]
    [InlineData(1, 0, 50)]
    [InlineData(1, 1, 250)]
    [InlineData(3, 1, 1000)]
    [InlineData(7, 1, 10_000)]
    [InlineData(1000, 0, 2000)]
    public void Delays_are_random_and_grow(int attempt, double random, double milliseconds) => Assert.Equal(
        milliseconds, new ReconnectDelay { Random = () => random }.Before(attempt).TotalMilliseconds, 6);

    private ReconnectingSocket Open() => new(
        _ =>
        {
            if (_isDown)
            {
                throw new PhoenixException("does not answer");
            }

            var server = new ServerStub();
            _servers.Writer.TryWrite(server);
            return Task.FromResult(server.Socket);
        },
        new ReconnectDelay { Random = () => 0.5 },
        _time);

    private ReconnectingChannel Join(Func<object?>? parameters = null, Action<ReconnectingChannel>? listen = null) =>
        _socket.Join("t", parameters, channel =>
        {
            channel.Changed = c => _states.Writer.TryWrite(c.State);
            listen?.Invoke(channel);
        });

    private async Task StateAsync(ChannelState expected)
    {
        while (await _states.Reader.ReadAsync().AsTask().WaitAsync(Timeout) != expected)
        {
        }
    }

    /// <summary>Returns the next connection, for which the time is advanced.</summary>
    private async Task<ServerStub> ServerAsync()
    {
        ServerStub? server = null;
        await UntilAsync(() => _servers.Reader.TryRead(out server));
        return server!;
    }

    private async Task UntilAsync(Func<bool> isDone)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        while (!isDone() && !timeout.IsCancellationRequested)
        {
            _time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Yield();
        }

        Assert.False(timeout.IsCancellationRequested);
    }
}
