using Presence.Node;

namespace Presence.Postgres.Tests.Link;

public sealed class Frames_that_wait : IDisposable
{
    private readonly StandingTime _time = new();
    private readonly LinkInstruments _instruments = new(() => true, () => 0);

    public void Dispose() => _instruments.Dispose();

    [Fact]
    public void A_full_outbox_drops_what_is_new_and_counts_it()
    {
        var outbox = NewOutbox(o => o.OutboxFrames = 16);
        for (var i = 0; i < 20; i++)
        {
            outbox.Put(null, Frame(i));
        }

        Assert.Equal(4, _instruments.DroppedInAll);
        Assert.Equal(Enumerable.Range(0, 16), outbox.Take().Select(o => o.Frame.Body.Length));
    }

    [Fact]
    public void Bytes_bound_it_too()
    {
        var outbox = NewOutbox(o => (o.MaxFrameBytes, o.OutboxBytes) = (64 * 1024, 100_000));
        outbox.Put(null, Frame(60_000));
        outbox.Put(null, Frame(60_000));
        outbox.Put(null, Frame(30_000));
        Assert.Equal(1, _instruments.DroppedInAll);
        Assert.Equal([60_000, 30_000], outbox.Take().Select(o => o.Frame.Body.Length));
        outbox.Put(null, Frame(60_000));
        Assert.Single(outbox.Take());
    }

    [Fact]
    public void A_frame_that_is_too_large_is_dropped_alone()
    {
        var outbox = NewOutbox(o => o.MaxFrameBytes = 64 * 1024);
        outbox.Put(null, Frame(64 * 1024 + 1));
        outbox.Put(null, Frame(64 * 1024));
        Assert.Equal(1, _instruments.DroppedInAll);
        Assert.Single(outbox.Take());
    }

    [Fact]
    public void What_waited_too_long_is_dropped_and_counted()
    {
        var outbox = NewOutbox(o => o.MaxFrameAge = TimeSpan.FromSeconds(5));
        outbox.Put(null, Frame(1));
        _time.Advance(TimeSpan.FromSeconds(4));
        outbox.Put(null, Frame(2));
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal([2], outbox.Take().Select(o => o.Frame.Body.Length));
        Assert.Equal(1, _instruments.DroppedInAll);
    }

    [Fact]
    public void What_could_not_be_sent_goes_first_next_time_unless_it_is_too_old_by_then()
    {
        var outbox = NewOutbox(_ => { });
        outbox.Put(null, Frame(1));
        outbox.Put(null, Frame(2));
        outbox.PutBack(outbox.Take());
        outbox.Put(null, Frame(3));
        Assert.Equal([1, 2, 3], outbox.Take().Select(o => o.Frame.Body.Length));
        outbox.Put(null, Frame(4));
        outbox.PutBack(outbox.Take());
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.Empty(outbox.Take());
        Assert.Equal(1, _instruments.DroppedInAll);
    }

    [Fact]
    public void Questions_overtake_frames_and_are_taken_by_a_full_outbox()
    {
        var outbox = NewOutbox(o => o.OutboxFrames = 16);
        for (var i = 0; i < 16; i++)
        {
            outbox.Put(null, Frame(i));
        }

        outbox.PutUrgent("b", [1, 2, 3]);
        Assert.Equal("b", outbox.Take()[0].Member);
        Assert.Equal(0, _instruments.DroppedInAll);
    }

    [Fact]
    public async Task Who_takes_is_woken_again_for_what_was_left()
    {
        var outbox = NewOutbox(_ => { });
        for (var i = 0; i < 5; i++)
        {
            outbox.Put(null, Frame(1_000_000));
        }

        var taken = 0;
        while (taken < 5)
        {
            await outbox.WaitAsync(CancellationToken.None).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
            var some = outbox.Take();
            Assert.True(some.Count <= 3);
            taken += some.Count;
        }
    }

    private static LinkFrame Frame(int bytes) => new("presence", 0, new byte[bytes]);

    private Outbox NewOutbox(Action<PresencePostgresOptions> configure)
    {
        var options = new PresencePostgresOptions();
        configure(options);
        return new Outbox(options, _time, _instruments);
    }

    private sealed class StandingTime : TimeProvider
    {
        private long _now = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += by.Ticks;
    }
}
