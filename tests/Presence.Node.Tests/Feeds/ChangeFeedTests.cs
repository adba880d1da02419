using System.Runtime.CompilerServices;
using Presence.Node.Feeds;
using Presence.Node.Telemetry;
using Presence.Tracker.Cursors;

namespace Presence.Node.Tests.Feeds;

[Collection("Feeds, whose counters are those of the process")]
public sealed class ChangeFeedTests : IDisposable
{
    private readonly TestTime _time = new();
    private readonly SlowConsumers _slow = new(TimeProvider.System);
    private readonly FeedInstruments _instruments;
    private readonly PresenceSet _set = new("t");
    private readonly ChangeFeed _feed;
    private ulong _sequence;

    public ChangeFeedTests()
    {
        _instruments = new FeedInstruments(_slow);
        _feed = new ChangeFeed("t", ChangeFeeds.DiffInterval, _time, _instruments);
    }

    public void Dispose() => _instruments.Dispose();

    [Fact]
    public async Task Reader_receives_the_state_and_then_each_change()
    {
        Join("ann");
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        Assert.Equal(["ann"], (await StateAsync(reader)).Presences.Select(e => e.Key));
        var bob = Join("bob");
        var diff = await DiffAsync(reader);
        var joined = Assert.Single(diff.Changes);
        Assert.Same(bob, joined.Entry);
        Assert.True(joined.IsFirst);
    }

    [Fact]
    public async Task Encodings_are_kept_of_the_newest_message_until_the_next_one_or_a_pulse()
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        var state = Encode(await StateAsync(reader));
        JoinLater("ann");
        var first = Encode(await DiffAsync(reader));
        Assert.True(IsKept(first));
        JoinLater("bob");
        var diff = await DiffAsync(reader);
        var second = Encode(diff);
        Assert.False(IsKept(first));
        Assert.True(IsKept(second));
        _feed.Pulse();
        Assert.False(IsKept(second));
        Assert.False(IsKept(state));

        // A reader that is late makes it again, and for itself only.
        Assert.False(IsKept(Encode(diff)));

        static bool IsKept(WeakReference encoding)
        {
            GC.Collect();
            return encoding.IsAlive;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference Encode(FeedMessage message) => new(message.Encoded(static _ => new object()));

    [Fact]
    public async Task Reader_with_a_cursor_receives_exactly_what_it_missed()
    {
        _feed.Start(new TopicSnapshot("t"));
        FeedCursor cursor;
        await using (var reader = Read())
        {
            cursor = (await StateAsync(reader)).Cursor;
        }

        var missed = Enumerable.Range(0, 3).Select(i => JoinLater($"user {i}")).ToArray();
        await using var again = Read(cursor);
        foreach (var entry in missed)
        {
            Assert.Same(entry, Assert.Single((await DiffAsync(again)).Changes).Entry);
        }
    }

    [Fact]
    public async Task Reader_that_was_stopped_receives_nothing_of_what_waits_for_it()
    {
        _feed.Start(new TopicSnapshot("t"));
        using var stop = new CancellationTokenSource();
        await using var reader = new FeedReader(_feed, null).ReadAsync(stop.Token).GetAsyncEnumerator();
        await StateAsync(reader);
        JoinLater("ann");
        await stop.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(async () => await reader.MoveNextAsync());
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, 7)]
    public async Task Reader_with_a_cursor_of_another_feed_or_of_the_future_receives_the_state(ulong other, long ahead)
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        var cursor = (await StateAsync(reader)).Cursor;
        await using var again = Read(new FeedCursor(cursor.Feed + other, cursor.Sequence + ahead));
        Assert.Empty((await StateAsync(again)).Presences);
    }

    [Fact]
    public async Task Reader_that_has_seen_elsewhere_what_is_not_published_yet_receives_only_what_comes_later()
    {
        List<PresenceChange> newestFirst = [];
        _feed.Start(new TopicSnapshot("t"), 0, (cursor, now, version) =>
            CursorDifference.Since(cursor, now, newestFirst.Skip(newestFirst.Count - (int)version)));
        Remember(Joined("ann"));
        Remember(Joined("bob"));
        var seen = TopicCursor.Of(TopicDigest.Of("t", _set.Current))!.Text;
        await using var again = Read(new FeedCursor(1, 0, seen));
        Assert.False(HasNext(again, out var next));
        _time.Advance(ChangeFeeds.DiffInterval);
        var eve = Remember(Joined("eve"));
        Assert.True(await next.WaitAsync(TestTimeout));
        Assert.Same(eve, Assert.Single(Assert.IsType<FeedDiff>(again.Current).Changes).Entry);

        PresenceEntry Remember(PresenceChange change)
        {
            newestFirst.Insert(0, change);
            var marked = new List<PresenceChange> { change };
            _set.ApplyAndMark(marked);
            _feed.OnChanges(marked, _set.Current, newestFirst.Count);
            return change.Entry;
        }
    }

    [Fact]
    public async Task Reader_that_falls_behind_the_log_receives_a_new_state_and_is_counted()
    {
        using var lagged = new Counted("presence.feed.lagged");
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        await StateAsync(reader);
        for (var i = 0; i <= ChangeFeed.MaxDiffs; i++)
        {
            JoinLater($"user {i}");
        }

        Assert.Equal(ChangeFeed.MaxDiffs + 1, (await StateAsync(reader)).Presences.Count);
        Assert.Equal(1, lagged.Sum);
        Assert.Equal((SlowConsumerKind.Reader, "t"), _slow.Last(2).Select(one => (one.Kind, one.Name)).Single());
        JoinLater("last");
        Assert.Equal("last", Assert.Single((await DiffAsync(reader)).Changes).Entry.Key);
    }

    [Fact]
    public async Task Log_is_bounded_by_the_number_of_changes_too()
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        var start = (await StateAsync(reader)).Cursor;
        for (var i = 0; i < 2; i++)
        {
            _time.Advance(ChangeFeeds.DiffInterval);
            Change([.. Enumerable.Range(0, (ChangeFeed.MaxChanges / 2) + 1).Select(n => Joined($"user {i} {n}"))]);
        }

        await using var again = Read(start);
        await StateAsync(again);
    }

    [Fact]
    public async Task Changes_within_the_interval_are_published_together_with_their_net_effect()
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        await StateAsync(reader);
        Join("first");
        await DiffAsync(reader);
        var gone = Join("gone");
        Join("bob");
        Leave(gone);
        Assert.False(HasNext(reader, out var next));
        _time.Advance(ChangeFeeds.DiffInterval);
        Assert.True(await next.WaitAsync(TestTimeout));
        Assert.Equal("bob", Assert.Single(((FeedDiff)reader.Current!).Changes).Entry.Key);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Changes_wait_until_half_of_the_readers_have_the_diff_before_but_not_for_ever(bool hasSecond)
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var first = Read();
        await using var second = Read();
        await using var third = Read();
        await using var fourth = Read();
        foreach (var reader in new[] { first, second, third, fourth })
        {
            await StateAsync(reader);
        }

        Join("ann");
        await DiffAsync(first);
        JoinLater("bob");
        Assert.False(HasNext(first, out var next));
        if (hasSecond)
        {
            await DiffAsync(second);
        }

        _time.Advance(ChangeFeed.MaxInterval - (3 * ChangeFeeds.DiffInterval));
        JoinLater("eve");
        _time.Advance(ChangeFeeds.DiffInterval);
        Assert.True(await next.WaitAsync(TestTimeout));
        var keys = ((FeedDiff)first.Current!).Changes.Select(change => change.Entry.Key);
        Assert.Equal(hasSecond ? ["bob"] : ["bob", "eve"], keys);
    }

    [Fact]
    public async Task First_and_last_presence_of_a_key_are_marked_and_others_are_not()
    {
        var phone = Join("ann");
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        await StateAsync(reader);
        _time.Advance(ChangeFeeds.DiffInterval);
        var laptop = Joined("ann");
        Change(laptop);
        Assert.False(Assert.Single((await DiffAsync(reader)).Changes).IsFirst);
        _time.Advance(ChangeFeeds.DiffInterval);
        Leave(phone);
        Assert.False(Assert.Single((await DiffAsync(reader)).Changes).IsLast);
        _time.Advance(ChangeFeeds.DiffInterval);
        Leave(laptop.Entry);
        Assert.True(Assert.Single((await DiffAsync(reader)).Changes).IsLast);
    }

    [Fact]
    public async Task Key_that_leaves_and_returns_within_one_diff_is_marked_neither_first_nor_last()
    {
        var old = Join("ann");
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        await StateAsync(reader);
        _time.Advance(ChangeFeeds.DiffInterval);
        Change(PresenceChange.Left(old, old, LeaveReason.Untracked), Joined("ann"));
        Assert.DoesNotContain((await DiffAsync(reader)).Changes, change => change.IsFirst || change.IsLast);
    }

    [Fact]
    public async Task Pulse_gives_a_waiting_reader_nothing_to_show_that_it_is_alive()
    {
        _feed.Start(new TopicSnapshot("t"));
        await using var reader = Read();
        await StateAsync(reader);
        Assert.False(HasNext(reader, out var next));
        _feed.Pulse();
        Assert.True(await next.WaitAsync(TestTimeout));
        Assert.Null(reader.Current);
    }

    [Theory]
    [InlineData("00000000000000ff1f", true)]
    [InlineData("00000000000000ff", false)]
    [InlineData("00000000000000ff-1", false)]
    [InlineData("0000000000000xff1", false)]
    [InlineData("00000000000000ff1234567890abcdef", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void Cursor_is_read_from_its_text_only(string? text, bool isCursor)
    {
        Assert.Equal(isCursor, FeedCursor.TryParse(text, out var cursor));
        Assert.Equal(isCursor ? new FeedCursor(0xff, 0x1f) : default, cursor);
        Assert.True(!isCursor || cursor.ToString() == text);
    }

    private IAsyncEnumerator<FeedMessage?> Read(FeedCursor? cursor = null) =>
        new FeedReader(_feed, cursor).ReadAsync(default).GetAsyncEnumerator();

    private static bool HasNext(IAsyncEnumerator<FeedMessage?> reader, out Task<bool> next)
    {
        next = reader.MoveNextAsync().AsTask();
        return next.IsCompleted;
    }

    private static async Task<FeedState> StateAsync(IAsyncEnumerator<FeedMessage?> reader)
    {
        Assert.True(await reader.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
        return Assert.IsType<FeedState>(reader.Current);
    }

    private static async Task<FeedDiff> DiffAsync(IAsyncEnumerator<FeedMessage?> reader)
    {
        Assert.True(await reader.MoveNextAsync().AsTask().WaitAsync(TestTimeout));
        return Assert.IsType<FeedDiff>(reader.Current);
    }

    private PresenceEntry Join(string key)
    {
        var change = Joined(key);
        Change(change);
        return change.Entry;
    }

    private PresenceEntry JoinLater(string key)
    {
        _time.Advance(ChangeFeeds.DiffInterval);
        return Join(key);
    }

    private void Leave(PresenceEntry entry) => Change(PresenceChange.Left(entry, entry, LeaveReason.Untracked));

    private PresenceChange Joined(string key)
    {
        var number = ++_sequence;
        return PresenceChange.Joined(
            new PresenceEntry(new ReplicaId("n", 1), number, number, 0, number, "t", key, PresenceMeta.Empty));
    }

    private void Change(params PresenceChange[] changes)
    {
        var marked = changes.ToList();
        _set.ApplyAndMark(marked);
        _feed.OnChanges(marked, _set.Current);
    }
}
