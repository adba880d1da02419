using Presence.Node.Feeds;
using Presence.Tracker.Counts;

namespace Presence.Node.Tests.Feeds;

/// <summary>A feed of an adaptive topic.</summary>
[Collection("Feeds, whose counters are those of the process")]
public sealed class ChangeFeedCountsTests : IDisposable
{
    private static readonly AdaptiveMode s_mode = new(10, 3, TimeSpan.FromSeconds(1));

    private readonly TestTime _time = new();
    private readonly FeedInstruments _instruments = new();
    private readonly PresenceSet _set = new("t");
    private readonly Dictionary<string, PresenceEntry> _present = [];
    private readonly ChangeFeed _feed;
    private ulong _sequence;

    public ChangeFeedCountsTests() =>
        _feed = new ChangeFeed("t", ChangeFeeds.DiffInterval, _time, _instruments, s_mode);

    public void Dispose() => _instruments.Dispose();

    [Fact]
    public void Counts_come_once_per_period_after_the_last_diff_and_the_state_after_them()
    {
        using var counting = new Counted("presence.feeds.counting");
        using var lagged = new Counted("presence.feed.lagged");
        Join(10);
        _feed.Start(_set.Current);
        var reader = new Reader(_feed);
        reader.ReadAll();
        Join(1);
        reader.ReadAll();
        Assert.Equal(["state 10", "diff 1", "mode counts", "counts 11 sample 3"], reader.Log);
        Assert.Equal(1, counting.Sum);
        Join(5);
        reader.ReadAll();
        Assert.Equal(4, reader.Log.Count);
        _time.Advance(s_mode.Every);
        reader.ReadAll();
        Assert.Equal("counts 16 sample", reader.Log[^1]);

        // One who comes now, and one who did not read, receive the last counts only.
        var late = new Reader(_feed);
        Join(1);
        _time.Advance(s_mode.Every);
        Join(1);
        _time.Advance(s_mode.Every);
        late.ReadAll();
        Assert.Equal(["mode counts", "counts 18 sample 3"], late.Log);
        reader.ReadAll();
        Assert.Equal("counts 18 sample 3", reader.Log[^1]);
        Leave(10);
        _time.Advance(s_mode.Every);
        reader.ReadAll();
        Assert.Equal(["mode members", "state 8"], reader.Log.TakeLast(2));
        Assert.Equal((0, 0), (counting.Sum, lagged.Sum));
        _time.Advance(ChangeFeeds.DiffInterval);
        Join(1);
        reader.ReadAll();
        Assert.Equal("diff 1", reader.Log[^1]);
    }

    [Fact]
    public void Sample_that_has_changed_is_sent_in_its_time_also_when_nothing_changes_any_more()
    {
        Join(12);
        _feed.Start(_set.Current);
        var reader = new Reader(_feed);
        reader.ReadAll();
        Assert.Equal(["mode counts", "counts 12 sample 3"], reader.Log);
        Leave("user 01");
        for (var i = 0; i <= AdaptiveMode.SamplePeriods; i++)
        {
            _time.Advance(s_mode.Every);
            reader.ReadAll();
        }

        Assert.Equal(["counts 11 sample", "counts 11 sample 3"], reader.Log.Skip(2));
    }

    [Fact]
    public void Counts_with_the_same_numbers_reach_only_readers_that_request_the_sample()
    {
        Join(12);
        _feed.Start(_set.Current);
        var (reader, other) = (new Reader(_feed), new Reader(_feed));
        reader.ReadAll();
        other.ReadAll();
        reader.RequestSample();
        reader.ReadAll();
        Assert.Equal(2, reader.Log.Count);
        _time.Advance(s_mode.Every);
        other.ReadAll();
        reader.ReadAll();
        Assert.Equal("counts 12 sample", reader.Log[2]);

        // What the reader has was not there yet: again with the next change, and not before.
        reader.OnSampleSent(isComplete: false);
        _time.Advance(s_mode.Every);
        _time.Advance(s_mode.Every);
        reader.ReadAll();
        other.ReadAll();
        Assert.Equal(3, reader.Log.Count);
        Update("user 12");
        reader.ReadAll();
        other.ReadAll();
        Assert.Equal(4, reader.Log.Count);
        reader.OnSampleSent(isComplete: true);
        Join(1);
        _time.Advance(s_mode.Every);
        reader.ReadAll();
        other.ReadAll();
        Assert.Equal("counts 13 sample", reader.Log[^1]);
        Assert.Equal(["mode counts", "counts 12 sample 3", "counts 13 sample"], other.Log);
    }

    [Fact]
    public void Readers_that_come_go_and_lag_have_all_members_or_the_count_and_never_both()
    {
        for (var seed = 0; seed < 100; seed++)
        {
            using var test = new ChangeFeedCountsTests();
            test.Run(new Random(seed));
        }
    }

    [Fact]
    public void Cursor_of_counts_and_one_that_was_invented_lead_to_what_fits()
    {
        Join(11);
        _feed.Start(_set.Current);
        var reader = new Reader(_feed);
        reader.ReadAll();
        var counts = reader.Cursor;
        var same = new Reader(_feed, counts);
        same.ReadAll();
        Assert.Empty(same.Log);
        Leave(8);
        _time.Advance(s_mode.Every);
        foreach (var ahead in (long[])[0, 1, 2, 3, 4])
        {
            var again = new Reader(_feed, new FeedCursor(counts.Feed, counts.Sequence + ahead));
            again.ReadAll();
            Assert.Equal(ahead == 2 ? [] : ["state 3"], again.Log);
        }
    }

    private void Run(Random random)
    {
        _feed.Start(_set.Current);
        var readers = Enumerable.Range(0, 4).Select(_ => new Reader(_feed)).ToList();
        for (var step = 0; step < 300; step++)
        {
            var isGrowing = step / 75 % 2 == 0;
            if (random.Next(10) < (isGrowing ? 7 : 3))
            {
                Join(random.Next(1, 4));
            }
            else if (_present.Count > 0)
            {
                Leave(_present.Keys.ElementAt(random.Next(_present.Count)));
            }

            _time.Advance(TimeSpan.FromMilliseconds(random.Next(400)));
            var reader = readers[random.Next(readers.Count)];
            if (random.Next(8) == 0)
            {
                readers.Remove(reader);
                reader = reader.Again(_feed);
                readers.Add(reader);
            }

            for (var messages = random.Next(4); messages > 0; messages--)
            {
                reader.Read();
            }
        }

        _time.Advance(s_mode.Every);
        _time.Advance(s_mode.Every);
        foreach (var reader in readers)
        {
            reader.ReadAll();
            if (reader.IsCounting)
            {
                Assert.Equal(_present.Count, reader.Count);
            }
            else
            {
                Assert.Equal(_present.Values.Select(e => e.Ref).Order(), reader.Members.Order());
            }
        }
    }

    private void Join(int number)
    {
        for (; number > 0; number--)
        {
            var at = ++_sequence;
            var key = $"user {at:D2}";
            var entry = new PresenceEntry(new ReplicaId("n", 1), at, at, 0, at, "t", key, PresenceMeta.Empty);
            _present.Add(key, entry);
            Change(PresenceChange.Joined(entry));
        }
    }

    private void Leave(int number)
    {
        foreach (var key in _present.Keys.Take(number).ToArray())
        {
            Leave(key);
        }
    }

    private void Leave(string key)
    {
        _present.Remove(key, out var entry);
        Change(PresenceChange.Left(entry!, entry!, LeaveReason.Untracked));
    }

    private void Update(string key)
    {
        var (old, at) = (_present[key], ++_sequence);
        var meta = PresenceMeta.From(new { status = "busy" });
        var entry = new PresenceEntry(old.Owner, at, old.CreatedSequence, old.Sequence, old.Process, "t", key, meta);
        _present[key] = entry;
        Change(PresenceChange.Updated(old, entry));
    }

    private void Change(PresenceChange change)
    {
        var marked = new List<PresenceChange> { change };
        _set.ApplyAndMark(marked);
        _feed.OnChanges(marked, _set.Current);
    }

    /// <summary>Checks that each message fits to what came before.</summary>
    private sealed class Reader(ChangeFeed feed, FeedCursor? cursor = null) : IDisposable
    {
        private readonly FeedReader _reader = new(feed, cursor);
        private bool _hasMembers;

        public List<string> Log { get; } = [];

        public HashSet<string> Members { get; private set; } = [];

        public bool IsCounting { get; private set; }

        public int Count { get; private set; }

        public FeedCursor Cursor { get; private set; } = cursor ?? default;

        public void Dispose() => _reader.Dispose();

        public void RequestSample() => _reader.RequestSample();

        public void OnSampleSent(bool isComplete) => _reader.OnSampleSent(isComplete);

        /// <summary>The same client with a new connection.</summary>
        public Reader Again(ChangeFeed feed)
        {
            Dispose();
            return new Reader(feed, Cursor)
            {
                Members = Members,
                _hasMembers = _hasMembers,
                IsCounting = IsCounting,
                Count = Count,
            };
        }

        public void ReadAll()
        {
            while (Read())
            {
            }
        }

        public bool Read()
        {
            if (!_reader.TryRead(out var message, out _))
            {
                return false;
            }

            switch (message)
            {
                case FeedMode mode:
                    Log.Add($"mode {mode.Name}");
                    (IsCounting, _hasMembers) = (mode.IsCounting, false);
                    return true;
                case FeedState state:
                    Log.Add($"state {state.Presences.Count}");
                    (IsCounting, _hasMembers, Members) = (false, true, [.. state.Presences.Select(e => e.Ref)]);
                    break;
                case FeedDiff diff:
                    Log.Add($"diff {diff.Changes.Count}");
                    Assert.True(_hasMembers);
                    foreach (var change in diff.Changes)
                    {
                        Assert.True(change.Kind == PresenceChangeKind.Left
                            ? Members.Remove(change.LastShown!.Ref)
                            : Members.Add(change.Entry.Ref));
                    }

                    break;
                case FeedCounts counts:
                    Log.Add($"counts {counts.Presences.Count} sample"
                        + (counts.HasSample ? $" {counts.Sample.Count}" : ""));
                    Assert.True(IsCounting);
                    Count = counts.Presences.Count;
                    break;
            }

            Cursor = message!.Cursor;
            return true;
        }
    }
}
