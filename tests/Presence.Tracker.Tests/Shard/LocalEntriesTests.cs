using Presence.Tracker.Shard;

namespace Presence.Tracker.Tests.Shard;

/// <summary>The entries of sessions with one, a few and many.</summary>
public sealed class LocalEntriesTests
{
    private const ulong Session = 7;

    private readonly LocalEntries _entries = new();
    private ulong _sequence;

    [Theory]
    [InlineData(1)]
    [InlineData(24)]
    [InlineData(25)]
    [InlineData(1000)]
    public void Entries_are_found_by_topic_and_key_until_they_are_removed(int count)
    {
        var all = Enumerable.Range(0, count).Select(i => Add($"t{i % 3}", $"k{i / 3}")).ToList();
        Assert.Equal(all, _entries.All(Session));
        Assert.All(all, entry => Assert.Same(entry, _entries.Find(Session, entry.Topic, entry.Key)));
        Assert.Null(_entries.Find(Session, "t0", "nobody"));
        Assert.Null(_entries.Find(Session + 1, "t0", "k0"));
        foreach (var entry in all)
        {
            _entries.Remove(entry);
            Assert.Null(_entries.Find(Session, entry.Topic, entry.Key));
        }

        Assert.Empty(_entries.All(Session));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(24)]
    [InlineData(1000)]
    public void New_version_takes_the_place_of_the_old_one(int count)
    {
        var all = Enumerable.Range(0, count).Select(i => Add("t", $"k{i}")).ToList();
        foreach (var old in all)
        {
            _entries.Replace(old, Entry(old.Topic, old.Key));
        }

        Assert.All(all, old => Assert.Equal(
            old.Sequence + (ulong)count, _entries.Find(Session, old.Topic, old.Key)!.Sequence));
        Assert.Equal(count, _entries.RemoveAll(Session).Count);
        Assert.Empty(_entries.RemoveAll(Session));
    }

    [Fact]
    public void Entries_of_many_topics_come_and_go_as_in_a_list()
    {
        var random = new Random(11);
        var model = new List<PresenceEntry>();
        for (var i = 0; i < 20_000; i++)
        {
            // Few topics with many keys, and many topics with one or two.
            var topic = random.Next(2) == 0 ? $"large{random.Next(2)}" : $"small{random.Next(200)}";
            var key = $"k{random.Next(topic[0] == 'l' ? 100 : 2)}";
            var found = model.Find(e => e.Topic == topic && e.Key == key);
            Assert.Same(found, _entries.Find(Session, topic, key));
            if (found is null)
            {
                model.Add(Add(topic, key));
                continue;
            }

            model.Remove(found);
            if (random.Next(3) == 0)
            {
                var entry = Entry(topic, key);
                _entries.Replace(found, entry);
                model.Add(entry);
            }
            else
            {
                _entries.Remove(found);
            }

            if (i % 100 == 0)
            {
                Assert.Equal(model, _entries.All(Session));
            }
        }

        Assert.True(model.Count > 100);
        Assert.Equal(model, _entries.RemoveAll(Session));
    }

    private PresenceEntry Add(string topic, string key)
    {
        var entry = Entry(topic, key);
        _entries.Add(entry);
        return entry;
    }

    private PresenceEntry Entry(string topic, string key) =>
        new(new ReplicaId("a", 1), ++_sequence, _sequence, 0, Session, topic, key, default);
}
