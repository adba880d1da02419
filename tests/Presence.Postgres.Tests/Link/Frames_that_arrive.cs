using Microsoft.Extensions.Logging.Abstractions;
using Presence.Harness.Conformance;
using Presence.Node;
using Presence.Postgres.Tests.Support;

namespace Presence.Postgres.Tests.Link;

public sealed class Frames_that_arrive : IDisposable
{
    private static readonly PacketWriter Sender = new("a", 1);

    private readonly LinkInstruments _instruments = new(() => true, () => 0);
    private readonly HeardFrames _heard = new();
    private readonly Drops _drops;

    public Frames_that_arrive() => _drops = new Drops(_instruments);

    public void Dispose()
    {
        _drops.Dispose();
        _instruments.Dispose();
    }

    [Fact]
    public async Task A_full_inbox_drops_what_is_new_and_counts_it()
    {
        var reception = NewReception();
        for (var i = 1; i <= 20; i++)
        {
            reception.Take(Convert.ToBase64String(Sender.Frames([Frame(i)])));
        }

        Assert.Equal(4, _drops.Of("inbox_full"));
        using var stop = new CancellationTokenSource();
        var pumping = reception.PumpAsync(stop.Token);
        await _heard.UntilAsync(all => all.Count(heard => heard.Kind == "frame") == 16, "all that were taken");
        Assert.Equal(Enumerable.Range(1, 16), _heard.Frames.Select(heard => heard.Frame.Body.Length));
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pumping);
    }

    [Fact]
    public async Task Questions_do_not_wait_behind_a_full_inbox()
    {
        var answered = new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously);
        var reception = NewReception((_, number, _) => answered.TrySetResult(number));
        for (var i = 1; i <= 20; i++)
        {
            reception.Take(Convert.ToBase64String(Sender.Frames([Frame(i)])));
        }

        reception.Take(Convert.ToBase64String(Sender.Ask(42, Frame(1))));
        Assert.Equal(42ul, await answered.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task More_questions_than_may_be_under_way_are_answered_no_at_once_and_counted()
    {
        var options = new PresencePostgresOptions();
        var asks = new Asks(Sender, new Outbox(options, TimeProvider.System, _instruments), _instruments, 1);
        var waiting = Enumerable.Range(0, 4096)
            .Select(_ => asks.AskAsync("b", Frame(1), TimeProvider.System, CancellationToken.None).AsTask())
            .ToList();
        Assert.False(await asks.AskAsync("b", Frame(1), TimeProvider.System, CancellationToken.None));
        Assert.Equal(1, _drops.Of("too_many_questions"));
        Assert.DoesNotContain(waiting, question => question.IsCompleted);

        // Room again, as soon as one is answered.
        asks.Answered(2, yes: true);
        Assert.True(await waiting[0]);
        var next = asks.AskAsync("b", Frame(1), TimeProvider.System, CancellationToken.None);
        Assert.False(next.IsCompleted);
        asks.End();
        Assert.False(await next);
    }

    private static LinkFrame Frame(int bytes) => new("presence", 0, new byte[bytes]);

    private Reception NewReception(Action<string, ulong, bool>? answer = null) =>
        new("b", 2, capacity: 16, _instruments, NullLogger.Instance)
        {
            Receiver = _heard,
            OnAnswer = (_, _) => { },
            OnEcho = _ => { },
            Answer = answer ?? ((_, _, _) => { }),
            Fetch = (_, _) => Task.FromResult<byte[]?>(null),
        };
}
