using Presence.Tracker.Cursors;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Entries;

public class PresenceSetTests
{
    private static readonly ReplicaId Node = new("node", 1);

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(20)]
    [InlineData(400)]
    public void Set_equals_the_presences_that_joined_and_did_not_leave(int batch)
    {
        var random = new Random(7);
        var set = new PresenceSet("lobby");
        var expected = new SortedDictionary<(string Key, ulong Process), PresenceEntry>();
        var before = set.Current;
        for (ulong sequence = 1; sequence < 2000;)
        {
            var changes = new List<PresenceChange>();
            for (var i = 0; i < batch; i++, sequence++)
            {
                var process = (ulong)random.Next(60);
                var id = ($"k{process % 20:D2}", process);
                if (expected.Remove(id, out var old) && random.Next(2) == 0)
                {
                    changes.Add(PresenceChange.Left(old, old, LeaveReason.Untracked));
                    continue;
                }

                var entry = new PresenceEntry(
                    Node, sequence, old?.First.Sequence ?? sequence, 0, process, "lobby", id.Item1, default);
                expected[id] = entry;
                changes.Add(old is null ? PresenceChange.Joined(entry) : PresenceChange.Updated(old, entry));
            }

            var former = set.Current.Select(e => e.Key).ToHashSet();
            var present = expected.Keys.Select(k => k.Key).ToHashSet();
            set.ApplyAndMark(changes);
            Assert.Equal(
                ChangesOfKeys(changes, former, present),
                Enumerable.Range(0, changes.Count).Where(i => changes[i].ChangesKey));
            Assert.Equal(expected.Values, set.Current);
            Assert.Equal(expected.Keys.Select(k => k.Key).Distinct().Count(), set.Current.KeyCount);
        }

        Assert.Empty(before);
    }

    /// <summary>Returns the places of the first join or last leave of each key that changed in sum.</summary>
    private static List<int> ChangesOfKeys(List<PresenceChange> changes, HashSet<string> before, HashSet<string> after)
    {
        var places = new List<int>();
        foreach (var key in before.Union(after).Where(key => before.Contains(key) != after.Contains(key)))
        {
            places.Add(after.Contains(key)
                ? changes.FindIndex(c => c.Entry.Key == key && c.Kind == PresenceChangeKind.Joined)
                : changes.FindLastIndex(c => c.Entry.Key == key && c.Kind == PresenceChangeKind.Left));
        }

        places.Sort();
        return places;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Digest_follows_the_changes_of_plain_and_of_resumable_presences(int batch)
    {
        var random = new Random(11);
        var set = new PresenceSet("lobby");
        for (ulong sequence = 1; sequence < 1000;)
        {
            var changes = new List<PresenceChange>();
            for (var i = 0; i < batch; i++, sequence++)
            {
                var process = (ulong)random.Next(30);
                SessionStamp? stamp = process % 2 == 0
                    ? new SessionStamp(new SessionId(1, process), new Generation((uint)sequence, 0), TimeSpan.Zero)
                    : null;
                var node = stamp is null || random.Next(2) == 0 ? Node : new ReplicaId("other", 1);
                var entry = new PresenceEntry(
                    node, sequence, sequence, 0, process, "lobby", $"k{process % 20}", default, stamp);
                changes.Add(random.Next(3) == 0
                    ? PresenceChange.Left(entry, entry, LeaveReason.Untracked)
                    : PresenceChange.Joined(entry));
            }

            set.Apply(changes);
            Assert.Equal(TopicDigest.Of("lobby", set.Current).Total, set.Digest.Total);
            Assert.Equal(set.Current.Select(e => e.Key).Distinct().Count(), set.Current.KeyCount);
        }
    }

    [Fact]
    public void Presences_of_a_snapshot_replace_all_and_later_changes_leave_it_as_it_was()
    {
        var (ann, bob) = (Entry("ann", 1), Entry("bob", 2));
        var source = new PresenceSet("lobby");
        source.Apply([PresenceChange.Joined(ann)]);
        var snapshot = source.Current;
        var set = new PresenceSet("lobby");
        set.Apply([PresenceChange.Joined(bob)]);
        set.Reset(snapshot);
        Assert.Equal([ann], set.Current);
        set.Apply([PresenceChange.Joined(bob), PresenceChange.Left(ann, ann, LeaveReason.Untracked)]);
        Assert.Equal([bob], set.Current);
        Assert.Equal([ann], snapshot);
    }

    [Fact]
    public void Counts_of_a_part_of_a_topic_are_not_those_of_the_set()
    {
        var source = new PresenceSet("lobby");
        source.Apply([PresenceChange.Joined(Entry("ann", 1))]);
        var set = new PresenceSet("lobby");
        set.Reset(source.Current.WithCounts(100, 90));
        set.Apply([PresenceChange.Joined(Entry("bob", 2))]);
        Assert.Equal((2, 2), (set.Current.Count, set.Current.KeyCount));
    }

    [Fact]
    public void What_is_put_and_removed_is_found_at_once_and_shown_when_published()
    {
        var (ann, bob) = (Entry("ann", 1), Entry("bob", 2));
        var set = new PresenceSet("lobby");
        set.Put(ann);
        set.Put(bob);
        set.Remove(ann);
        Assert.Null(set.Find(ann));
        Assert.Same(bob, set.Find(bob));
        Assert.Empty(set.Current);
        var changes = new List<PresenceChange> { PresenceChange.Joined(bob) };
        set.Publish(changes);
        Assert.Equal([bob], set.Current);
        Assert.True(changes[0].ChangesKey);
        Assert.Null(set.Find(Entry("bob", 9)));
        Assert.Same(bob, set.FindOfSession(Entry("bob", 9)));
    }

    private static PresenceEntry Entry(string key, ulong sequence) =>
        new(Node, sequence, sequence, 0, 1, "lobby", key, default);

    [Fact]
    public void Change_names_its_reason_only_if_it_is_a_leave()
    {
        var entry = new PresenceEntry(Node, 1, 1, 0, 1, "lobby", "ann", default);
        Assert.Equal("Joined lobby/ann node#1:1 {}", PresenceChange.Joined(entry).ToString());
        Assert.Equal(
            "Left lobby/ann node#1:1 {}: NodeDown",
            PresenceChange.Left(entry, entry, LeaveReason.NodeDown).ToString());
    }
}
