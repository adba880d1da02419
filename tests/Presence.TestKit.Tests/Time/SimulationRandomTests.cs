using Presence.TestKit.Time;

namespace Presence.TestKit.Tests.Time;

public sealed class SimulationRandomTests
{
    [Fact]
    public void Seed_always_gives_the_same_numbers()
    {
        var random = new SimulationRandom(42);
        Assert.Equal(
            [0x15780b2e0c2ec716UL, 0x6104d9866d113a7eUL, 0xae17533239e499a1UL],
            new[] { random.Next(), random.Next(), random.Next() });
    }

    [Fact]
    public void Chances_occur_with_their_probability()
    {
        var random = new SimulationRandom(1);
        var hits = Enumerable.Range(0, 100_000).Count(_ => random.Chance(0.1));
        Assert.InRange(hits, 9_700, 10_300);
        Assert.False(random.Chance(0));
        Assert.True(random.Chance(1));
    }

    [Fact]
    public void Random_time_is_within_its_bounds()
    {
        var random = new SimulationRandom(2);
        for (var i = 0; i < 1000; i++)
        {
            Assert.InRange(
                random.Between(TimeSpan.FromMilliseconds(3), TimeSpan.FromMilliseconds(9)),
                TimeSpan.FromMilliseconds(3),
                TimeSpan.FromMilliseconds(9));
        }

        Assert.Equal(TimeSpan.FromSeconds(1), random.Between(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Shuffling_keeps_every_element()
    {
        var list = Enumerable.Range(0, 50).ToList();
        new SimulationRandom(3).Shuffle(list);
        Assert.NotEqual(Enumerable.Range(0, 50), list);
        Assert.Equal(Enumerable.Range(0, 50), list.Order());
    }
}
