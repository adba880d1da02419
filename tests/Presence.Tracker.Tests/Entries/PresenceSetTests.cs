namespace Presence.Tracker.Tests.Entries;

public class PresenceSetTests
{
    private static readonly ReplicaId Node = new("node", 1);

    [Theory]
    [InlineData(1)]
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

                var entry = new PresenceEntry(Node, sequence, old?.First.Sequence ?? sequence, 0, process, "lobby", id.Item1, default);
                expected[id] = entry;
                changes.Add(old is null ? PresenceChange.Joined(entry) : PresenceChange.Updated(old, entry));
            }

            set.Apply(changes);
            Assert.Equal(expected.Values, set.Current);
            Assert.Equal(expected.Keys.Select(k => k.Key).Distinct().Count(), set.Current.KeyCount);
        }

        Assert.Empty(before);
    }

    [Fact]
    public void Change_names_its_reason_only_if_it_is_a_leave()
    {
        var entry = new PresenceEntry(Node, 1, 1, 0, 1, "lobby", "ann", default);
        Assert.Equal("Joined lobby/ann node#1:1 {}", PresenceChange.Joined(entry).ToString());
        Assert.Equal("Left lobby/ann node#1:1 {}: NodeDown", PresenceChange.Left(entry, entry, LeaveReason.NodeDown).ToString());
    }
}
