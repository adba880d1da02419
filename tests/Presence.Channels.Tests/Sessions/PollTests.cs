using Presence.Channels.Transport.LongPoll;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Sessions;

/// <summary>The queue of a long-polling client, on a clock that stands still.</summary>
public sealed class PollTests : IDisposable
{
    private readonly Harness _harness = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly LongPollTransport _transport;

    public PollTests() => _transport = new LongPollTransport(_harness.Server, _ended.SetResult);
    public void Dispose() => _harness.Dispose();

    [Fact]
    public async Task Frames_after_a_cancelled_poll_are_returned_by_the_next()
    {
        using var broken = new CancellationTokenSource();
        var poll = PollAsync(broken.Token);
        await broken.CancelAsync();
        Assert.Equal("Nothing", await poll);
        _transport.Send(Frame("1"));
        _transport.Send(Frame("2"));
        Assert.Equal("Frames 1 2", await PollAsync());
    }

    [Fact]
    public async Task Poll_waits_for_the_timeout_and_no_longer()
    {
        var poll = PollAsync();
        _harness.Time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(poll.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("Nothing", await poll.WaitAsync(TestClient.Timeout));
    }

    [Fact]
    public async Task Connection_closed_without_a_waiting_poll_ends_at_once()
    {
        _transport.Close(CloseCodes.ServiceRestart);
        await _ended.Task.WaitAsync(TestClient.Timeout);
        Assert.Equal("Gone", await PollAsync());
    }

    [Fact]
    public async Task Closed_connection_returns_its_queued_frames_and_then_ends()
    {
        _transport.Send(Frame("1"));
        _transport.Close(CloseCodes.GoingAway);
        Assert.False(_ended.Task.IsCompleted);
        Assert.Equal("Frames 1", await PollAsync());
        await _ended.Task.WaitAsync(TestClient.Timeout);
    }

    [Fact]
    public async Task Closed_connection_whose_frames_are_not_fetched_is_ended_by_the_sweep()
    {
        _transport.Send(Frame("1"));
        _transport.Close(CloseCodes.GoingAway);
        _harness.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.True(_transport.CutOffIfStuck(_harness.Time.GetTimestamp()));
        await _ended.Task.WaitAsync(TestClient.Timeout);
    }

    [Fact]
    public async Task Posts_are_handled_in_order_and_time_out_while_waiting()
    {
        var connection = new LongPollConnection(null!, _transport);
        Assert.True(await TurnAsync(connection));
        var second = TurnAsync(connection);
        var third = TurnAsync(connection);
        connection.Leave();
        Assert.True(await second.WaitAsync(TestClient.Timeout));
        Assert.False(third.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(await third.WaitAsync(TestClient.Timeout));
        connection.Leave();
        Assert.True(await TurnAsync(connection));
    }

    [Fact]
    public async Task Waiting_posts_are_limited()
    {
        var connection = new LongPollConnection(null!, _transport);
        Assert.True(await TurnAsync(connection));
        var waiting = Enumerable.Range(0, 16).Select(_ => TurnAsync(connection)).ToList();
        Assert.All(waiting, turn => Assert.False(turn.IsCompleted));
        Assert.False(await TurnAsync(connection));
    }

    private static OutFrame Frame(string text) => new(System.Text.Encoding.UTF8.GetBytes(text), default, false);

    private async Task<bool> TurnAsync(LongPollConnection connection) =>
        await connection.AcquireAsync(TimeSpan.FromSeconds(10), _harness.Time);

    private async Task<string> PollAsync(CancellationToken aborted = default)
    {
        var frames = new List<OutFrame>();
        var polled = await _transport.PollAsync(frames, aborted);
        return string.Join(' ', [polled.ToString(), .. frames.Select(f => f.ToString())]);
    }
}
