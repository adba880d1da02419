using Presence.Tracker.Index;

namespace Presence.Tracker.Tests.Index;

public sealed class KeyTopicTests
{
    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 300)]
    [InlineData(3, 50_000)]
    public void Key_has_the_topics_that_were_added_and_not_removed(int seed, int keys)
    {
        var random = new Random(seed);
        var index = new KeyIndex();
        var model = new Dictionary<string, SortedSet<string>>(StringComparer.Ordinal);
        for (var step = 0; step < 100_000; step++)
        {
            var (key, topic) = ($"k{random.Next(keys)}", $"t{random.Next(4)}");
            var topics = model.TryGetValue(key, out var present) ? present : model[key] = new(StringComparer.Ordinal);
            Assert.Equal(topics.Contains(topic), index.Has(key, topic));
            if (random.Next(2) == 0)
            {
                Assert.Equal(topics.Add(topic), index.Add(key, topic));
            }
            else if (topics.Remove(topic))
            {
                index.Remove(key, topic);
            }
        }

        Assert.All(model, entry => Assert.Equal(entry.Value, index.TopicsOf(entry.Key)));
        Assert.Empty(index.TopicsOf("nobody"));
    }

    [Fact]
    public async Task Readers_never_miss_lasting_keys_nor_see_topics_of_other_keys_during_changes()
    {
        var index = new KeyIndex();
        var steady = Enumerable.Range(0, 200).Select(i => $"steady{i}").ToArray();
        Array.ForEach(steady, key => index.Add(key, $"of {key}"));
        var readers = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                Assert.All(steady, key => Assert.Equal([$"of {key}"], index.TopicsOf(key)));
                for (var i = 0; i < 500; i++)
                {
                    Assert.All(index.TopicsOf($"k{i}"), topic => Assert.Equal($"of k{i}", topic));
                }
            }
        })));
        for (var round = 0; !readers.IsCompleted; round++)
        {
            for (var i = 0; i < 500; i++)
            {
                index.Add($"k{i}", $"of k{i}");
            }

            for (var i = round % 7; i < 500; i += 1 + (round % 3))
            {
                index.Remove($"k{i}", $"of k{i}");
            }
        }

        await readers;
    }
}
