using Presence.Node.Handlers;
using Presence.Node.Hosting;
using Presence.Node.Telemetry;

namespace Presence.Node.Tests.Telemetry;

public sealed class SlowConsumersTests
{
    private readonly TestTime _time = new();
    private readonly SlowConsumers _slow;

    public SlowConsumersTests() => _slow = new SlowConsumers(_time);

    [Fact]
    public void Consumer_that_is_slow_again_is_counted_and_moves_to_the_front()
    {
        Report("ann");
        Report("bob");
        Assert.Equal(["bob", "ann"], _slow.Last(10).Select(one => one.Name));
        Report("ann", "cut off again");
        var first = _slow.Last(1).Single();
        Assert.Equal(
            (SlowConsumerKind.Socket, "ann", "cut off again", _time.GetUtcNow().ToUnixTimeMilliseconds(), 2L),
            (first.Kind, first.Name, first.Detail, first.At, first.Times));
    }

    [Fact]
    public void Consumers_of_one_name_and_different_kinds_are_distinguished()
    {
        Report("room:a");
        _slow.Report(SlowConsumerKind.Reader, "room:a", "got a new state");
        Assert.All(_slow.Last(10), one => Assert.Equal(1, one.Times));
    }

    [Fact]
    public void Consumer_that_was_slow_the_longest_ago_is_forgotten_first()
    {
        for (var i = 0; i < SlowConsumers.MaxRemembered; i++)
        {
            Report($"user {i}");
        }

        Report("user 0");
        Report("another");
        var names = _slow.Last(int.MaxValue).Select(one => one.Name).ToList();
        Assert.Equal(SlowConsumers.MaxRemembered, names.Count);
        Assert.Equal(["another", "user 0"], names[..2]);
        Assert.DoesNotContain("user 1", names);
    }

    [Fact]
    public void Long_texts_are_cut()
    {
        Report(new string('n', 10_000), new string('d', 10_000));
        var only = _slow.Last(10).Single();
        Assert.Equal((200, 200), (only.Name.Length, only.Detail.Length));
    }

    [Fact]
    public async Task Handler_that_lags_is_named()
    {
        using var instruments = new NodeInstruments(() => [], () => [], () => 0, () => [], () => 0, _slow);
        using var free = new ManualResetEventSlim();
        var dispatcher = new HandlerDispatcher(
            new OnDiff(_ => free.Wait()), "presence", 1, instruments, new FakeLogger());
        dispatcher.Start();
        for (var i = 1UL; i <= 3; i++)
        {
            // One is handled, one fills the queue, and one is too many.
            dispatcher.Post([PresenceChange.Joined(new PresenceEntry(new("a", 1), i, i, 0, 1, "t", "k", default))]);
        }

        free.Set();
        await dispatcher.DisposeAsync();
        var only = Assert.Single(_slow.Last(10));
        Assert.Equal((SlowConsumerKind.Handler, $"{typeof(OnDiff)} of presence"), (only.Kind, only.Name));
    }

    private void Report(string name, string detail = "cut off")
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        _slow.Report(SlowConsumerKind.Socket, name, detail);
    }
}
