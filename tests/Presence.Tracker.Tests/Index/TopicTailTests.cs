using Presence.Tracker.Index;

namespace Presence.Tracker.Tests.Index;

/// <summary>Changes wait in a tail before they reach the tree, which readers must not notice.</summary>
public sealed class TopicTailTests
{
    private const string Topic = "t";

    private static readonly ReplicaId Owner = new("n", 1);

    private readonly PresenceIndex _index = new();
    private readonly SortedDictionary<(string Key, ulong Process), PresenceEntry> _model = new(
        Comparer<(string Key, ulong Process)>.Create((a, b) =>
            string.CompareOrdinal(a.Key, b.Key) is var c && c != 0 ? c : a.Process.CompareTo(b.Process)));

    private ulong _sequence;

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 3)]
    [InlineData(3, 40)]
    [InlineData(4, 400)]
    public void Snapshots_equal_what_was_published_and_never_change(int seed, int readEvery)
    {
        var random = new Random(seed);
        var kept = new List<(TopicSnapshot Snapshot, PresenceEntry[] Entries, int Keys)>();
        for (var step = 1; step <= 4000; step++)
        {
            // Grows, stays and shrinks, so that the tail has every length.
            Change(random, grow: step < 1500 ? 0.8 : step < 3000 ? 0.5 : 0.2);
            // Sometimes many changes are published at once, so that they go into the tree directly.
            if (step % 700 > 60 && random.Next(3) > 0)
            {
                _index.Publish();
                Check(_index.List(Topic).Count);
                if (readEvery > 0 && random.Next(readEvery) == 0)
                {
                    Assert.Equal(_model.Values, _index.List(Topic));
                }

                if (step % 50 == 0)
                {
                    kept.Add((_index.List(Topic), [.. _model.Values],
                        _model.Keys.Select(k => k.Key).Distinct().Count()));
                }
            }
        }

        foreach (var (snapshot, entries, keys) in kept)
        {
            Assert.Equal((entries.Length, keys), (snapshot.Count, snapshot.KeyCount));
            Assert.Equal(entries, snapshot);
        }
    }

    [Fact]
    public async Task Readers_on_other_threads_see_whole_snapshots_while_the_shard_changes_them()
    {
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            var reads = 0;
            while (!stop.IsCancellationRequested || reads == 0)
            {
                var snapshot = _index.List(Topic);
                Assert.Equal(snapshot.Count, snapshot.Select(e => (e.Key, e.Process)).Distinct().Count());
                Assert.Equal(snapshot.KeyCount, snapshot.Select(e => e.Key).Distinct().Count());
                reads++;
            }
        })).ToArray();
        var random = new Random(7);
        for (var step = 0; step < 20_000; step++)
        {
            Change(random, grow: step < 1000 ? 0.9 : 0.5);
            _index.Publish();
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Equal(_model.Values, _index.List(Topic));
    }

    [Fact]
    public void Read_returns_the_same_snapshot_until_the_next_publication()
    {
        for (var i = 0; i < 10; i++)
        {
            _index.Set(new PresenceEntry(Owner, ++_sequence, _sequence, 0, 1, Topic, $"k{i}", default), isNew: true);
            var before = _index.List(Topic);
            Assert.Equal(i, before.Count);
            _index.Publish();
            Assert.Equal(i + 1, _index.List(Topic).Count);
            Assert.Same(_index.List(Topic), _index.List(Topic));
            Assert.Equal(i, before.Count);
        }
    }

    private void Check(int count)
    {
        Assert.Equal(_model.Count, count);
        Assert.Equal(new TopicCount(Topic, count, _model.Keys.Select(k => k.Key).Distinct().Count()),
            _index.CountsOf(Topic));
        Assert.Equal(_model.Count, _index.Count);
    }

    private void Change(Random random, double grow)
    {
        var at = (Key: $"k{random.Next(400)}", Process: (ulong)random.Next(3));
        var isThere = _model.TryGetValue(at, out var old);
        var identity = new PresenceEntry(Owner, 1, 1, 0, at.Process, Topic, at.Key, default);
        Assert.Same(old, _index.Find(identity));
        Assert.Same(old, _index.FindExisting(identity));
        if (random.NextDouble() < grow)
        {
            var entry = new PresenceEntry(Owner, ++_sequence, _sequence, 0, at.Process, Topic, at.Key, default);
            _index.Set(entry, isNew: !isThere);
            _model[at] = entry;
            Assert.Same(entry, _index.Find(entry));
        }
        else if (isThere)
        {
            _index.Remove(old!);
            _model.Remove(at);
            Assert.Null(_index.Find(old!));
        }

        Assert.Equal(_model.Keys.Any(k => k.Key == at.Key) ? [Topic] : [], _index.TopicsOf(at.Key));
    }
}
