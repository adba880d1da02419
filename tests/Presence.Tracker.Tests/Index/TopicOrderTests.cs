using Presence.Tracker.Index;

namespace Presence.Tracker.Tests.Index;

public sealed class TopicOrderTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 30)]
    [InlineData(3, 500)]
    public void Order_has_the_topics_with_presences_however_rarely_it_is_read(int seed, int readEvery)
    {
        var random = new Random(seed);
        var index = new PresenceIndex();
        var model = new SortedDictionary<string, PresenceEntry>(StringComparer.Ordinal);
        for (var step = 1UL; step <= 3000; step++)
        {
            var topic = $"t{random.Next(400)}";
            if (model.Remove(topic, out var entry))
            {
                index.Remove(entry);
            }
            else
            {
                entry = new PresenceEntry(new ReplicaId("n", 1), step, step, 0, 1, topic, "k", default);
                index.Set(entry, isNew: true);
                model.Add(topic, entry);
            }

            if (random.Next(3) > 0)
            {
                index.Publish();
                if (random.Next(readEvery) == 0)
                {
                    Assert.Equal(model.Keys, index.Topics(null, int.MaxValue).Select(t => t.Topic));
                    Assert.Equal(model.Keys.Where(t => string.CompareOrdinal(t, "t2") > 0).Take(5),
                        index.Topics("t2", 5).Select(t => t.Topic));
                }
            }
        }

        index.Publish();
        Assert.Equal(model.Keys, index.Topics(null, int.MaxValue).Select(t => t.Topic));
    }
}
