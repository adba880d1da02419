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
    public async Task What_comes_after_a_poll_was_broken_off_is_there_for_the_next()
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
    public async Task A_poll_waits_for_the_window_and_no_longer()
    {
        var poll = PollAsync();
        _harness.Time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(poll.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal("Nothing", await poll.WaitAsync(TestClient.Patience));
    }

    [Fact]
    public async Task A_session_closed_while_nobody_polls_is_over_at_once()
    {
        _transport.Close(CloseCodes.ServiceRestart);
        await _ended.Task.WaitAsync(TestClient.Patience);
        Assert.Equal("Gone", await PollAsync());
    }

    [Fact]
    public async Task A_closed_session_gives_away_what_is_left_and_then_ends()
    {
        _transport.Send(Frame("1"));
        _transport.Close(CloseCodes.GoingAway);
        Assert.False(_ended.Task.IsCompleted);
        Assert.Equal("Frames 1", await PollAsync());
        await _ended.Task.WaitAsync(TestClient.Patience);
    }

    [Fact]
    public async Task A_closed_session_whose_rest_nobody_takes_ends_by_the_sweep()
    {
        _transport.Send(Frame("1"));
        _transport.Close(CloseCodes.GoingAway);
        _harness.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.True(_transport.CutOffIfStuck(_harness.Time.GetTimestamp()));
        await _ended.Task.WaitAsync(TestClient.Patience);
    }

    [Fact]
    public async Task Publishes_take_turns_and_one_that_waits_too_long_is_told()
    {
        var session = new LongPollSession(null!, _transport);
        Assert.True(await TurnAsync(session));
        var second = TurnAsync(session);
        var third = TurnAsync(session);
        session.EndTurn();
        Assert.True(await second.WaitAsync(TestClient.Patience));
        Assert.False(third.IsCompleted);
        _harness.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.False(await third.WaitAsync(TestClient.Patience));
        session.EndTurn();
        Assert.True(await TurnAsync(session));
    }

    [Fact]
    public async Task Only_so_many_publishes_may_wait()
    {
        var session = new LongPollSession(null!, _transport);
        Assert.True(await TurnAsync(session));
        var waiting = Enumerable.Range(0, 16).Select(_ => TurnAsync(session)).ToList();
        Assert.All(waiting, turn => Assert.False(turn.IsCompleted));
        Assert.False(await TurnAsync(session));
    }

    private static OutFrame Frame(string text) => new(System.Text.Encoding.UTF8.GetBytes(text), default, false);

    private async Task<bool> TurnAsync(LongPollSession session) =>
        await session.TakeTurnAsync(TimeSpan.FromSeconds(10), _harness.Time);

    private async Task<string> PollAsync(CancellationToken aborted = default)
    {
        var frames = new List<OutFrame>();
        var polled = await _transport.PollAsync(frames, aborted);
        return string.Join(' ', [polled.ToString(), .. frames.Select(f => f.ToString())]);
    }
}
