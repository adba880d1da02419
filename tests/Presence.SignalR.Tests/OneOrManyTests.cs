namespace Presence.SignalR.Tests;

public sealed class OneOrManyTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Entries_are_those_of_a_dictionary_after_any_calls(int keys)
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var (map, model) = (new OneOrMany<string, int>(), new Dictionary<string, int>());
            for (var step = 0; step < 30; step++)
            {
                var key = $"key {random.Next(keys)}";
                switch (random.Next(10))
                {
                    case 0:
                        map.Clear();
                        model.Clear();
                        break;
                    case < 4:
                        Assert.Equal(model.Remove(key, out var expected), map.Remove(key, out var removed));
                        Assert.Equal(expected, removed);
                        break;
                    default:
                        map.Set(key, step);
                        model[key] = step;
                        break;
                }

                Assert.Equal(model.Count, map.Count);
                Assert.Equal(model.Keys.Order(), map.Keys.Order());
                Assert.All(model, pair => Assert.True(map.TryGet(pair.Key, out var value) && value == pair.Value));
                Assert.False(map.TryGet("no such key", out _));
            }
        }
    }
}
