using Presence.Tracker.Index;

namespace Presence.Tracker.Tests.Index;

public sealed class TextTableTests
{
    [Theory]
    [InlineData(1, 20)]
    [InlineData(2, 600)]
    [InlineData(3, 6000)]
    [InlineData(4, 60_000)]
    public void Table_equals_a_dictionary_while_it_grows_stays_and_shrinks(int seed, int range)
    {
        var random = new Random(seed);
        var table = new TextTable<object>();
        var model = new Dictionary<string, object>(StringComparer.Ordinal);
        for (var step = 0; step < 30_000 + range; step++)
        {
            var text = $"k{random.Next(range)}";
            // Phases of growth, constant size and shrinking.
            if (random.NextDouble() < (step < 12_000 + range ? 0.8 : step < 20_000 + range ? 0.5 : 0.1))
            {
                Put(table, model, text);
            }
            else
            {
                table.Remove(text);
                model.Remove(text);
            }

            if (step % 500 == 0)
            {
                table.Trim();
            }

            var sought = $"k{random.Next(range)}";
            Assert.Same(model.GetValueOrDefault(sought), table.Find(sought));
            Assert.Same(model.GetValueOrDefault(text), table.Find(text.AsSpan()));
        }

        Assert.All(Enumerable.Range(0, range), i => Assert.Same(model.GetValueOrDefault($"k{i}"), table.Find($"k{i}")));
    }

    [Fact]
    public async Task Reader_finds_lasting_texts_and_never_the_value_of_another_text()
    {
        var table = new TextTable<string>();
        Assert.True(table.TryAdd("stays", "stays", out _));
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(reader => Task.Run(() =>
        {
            var random = new Random(reader);
            var reads = 0;
            while (!stop.IsCancellationRequested || reads == 0)
            {
                Assert.Equal("stays", table.Find("stays"));
                var text = $"k{random.Next(300)}";
                Assert.Equal(text, table.Find(text) ?? text);
                reads++;
            }
        })).ToArray();
        var random = new Random(7);
        for (var step = 0; step < 200_000; step++)
        {
            var text = $"k{random.Next(300)}";
            if (random.NextDouble() < (step / 20_000 % 2 == 0 ? 0.7 : 0.2))
            {
                table.TryAdd(text, text, out _);
            }
            else
            {
                table.Remove(text);
            }

            if (step % 100 == 0)
            {
                table.Trim();
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Fact]
    public void Texts_that_return_need_no_more_memory()
    {
        var table = new TextTable<string>();
        var texts = Enumerable.Range(0, 5000).Select(i => $"k{i}").ToArray();
        Array.ForEach(texts, text => table.TryAdd(text, text, out _));
        var bytes = AllocatedBytes.Fewest(() => AllocatedBytes.Of(() =>
        {
            for (var round = 0; round < 50; round++)
            {
                foreach (var text in texts.AsSpan(round * 10, 2000))
                {
                    table.Remove(text);
                }

                foreach (var text in texts.AsSpan(round * 10, 2000))
                {
                    Assert.True(table.TryAdd(text, text, out _));
                }
            }
        }));
        Assert.Equal(0, bytes);
    }

    [Fact]
    public void Table_shrinks_when_all_texts_are_removed()
    {
        var table = new TextTable<string>();
        var texts = Enumerable.Range(0, 100_000).Select(i => $"k{i}").ToArray();
        Array.ForEach(texts, text => table.TryAdd(text, text, out _));
        foreach (var text in texts.AsSpan(100))
        {
            table.Remove(text);
        }

        // Each call checks a few tables.
        for (var trims = 0; trims < 8; trims++)
        {
            table.Trim();
        }

        Assert.InRange(table.Capacity, 100, 4000);
        Assert.All(texts.Take(100), text => Assert.Same(text, table.Find(text)));
        Array.ForEach(texts, table.Remove);
        table.Trim();
        Assert.InRange(table.Capacity, 0, 16);
    }

    private static void Put(TextTable<object> table, Dictionary<string, object> model, string text)
    {
        var value = new object();
        if (table.TryAdd(text, value, out var present))
        {
            Assert.True(model.TryAdd(text, value));
            return;
        }

        Assert.Same(model[text], present);
        table.Replace(text, value);
        model[text] = value;
    }
}
