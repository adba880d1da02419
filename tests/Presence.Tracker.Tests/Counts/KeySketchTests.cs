using Presence.Tracker.Counts;

namespace Presence.Tracker.Tests.Counts;

public sealed class KeySketchTests
{
    private const double MaxError = 0.025;

    public static TheoryData<int, string> Sizes()
    {
        var all = new TheoryData<int, string>();
        foreach (var size in new[] { 1, 2, 10, 100, 1000, 10_000, 30_000, 41_000, 70_000, 100_000, 300_000, 1_000_000 })
        {
            foreach (var form in new[] { "{0}", "user:{0}", "{0:x8}-key" })
            {
                all.Add(size, form);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Estimate_is_within_two_and_a_half_percent(int size, string form)
    {
        var sketch = new KeySketch();
        for (var i = 0; i < size; i++)
        {
            sketch.Add(Key(form, i));
        }

        var error = Math.Abs(sketch.Estimate() - size) / size;
        Assert.True(error <= MaxError, $"{size} keys of the form {form}: error {error:P2}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Estimate_of_merged_sketches_is_within_two_and_a_half_percent(int seed)
    {
        // Each key is on some of three nodes.
        var random = new Random(seed);
        foreach (var size in new[] { 100, 5000, 50_000, 200_000 })
        {
            KeySketch[] owners = [new(), new(), new()];
            for (var i = 0; i < size; i++)
            {
                var nodes = random.Next(1, 8);
                for (var node = 0; node < owners.Length; node++)
                {
                    if ((nodes >> node & 1) == 1)
                    {
                        owners[node].Add($"{seed}:{i}");
                    }
                }
            }

            var merged = new KeySketch();
            var inOtherOrder = new KeySketch();
            foreach (var owner in owners)
            {
                merged.Merge(owner.Encode());
            }

            foreach (var owner in owners.Reverse().Concat(owners))
            {
                inOtherOrder.Merge(owner.Encode());
            }

            var error = Math.Abs(merged.Estimate() - size) / size;
            Assert.True(error <= MaxError, $"seed {seed}, {size} keys: error {error:P2}");
            Assert.Equal(merged.Encode(), inOtherOrder.Encode());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(4500)]
    [InlineData(100_000)]
    public void Encoding_round_trips_and_keeps_to_its_size(int size)
    {
        var sketch = new KeySketch();
        for (var i = 0; i < size; i++)
        {
            sketch.Add($"key {i}");
        }

        var bytes = sketch.Encode();
        Assert.True(KeySketch.IsValid(bytes));
        Assert.InRange(bytes.Length, 1, KeySketch.MaxBytes);
        var copy = new KeySketch();
        copy.Merge(bytes);
        Assert.Equal(bytes, copy.Encode());
        Assert.Equal(sketch.Estimate(), copy.Estimate());
        Assert.True(size > 1000 || bytes.Length <= 1 + (3 * size));
    }

    [Fact]
    public void Hashes_at_the_ends_set_the_first_and_the_last_register()
    {
        var sketch = new KeySketch();
        sketch.Add(0UL);
        sketch.Add(ulong.MaxValue);
        Assert.Equal("010000330FFFC1", Convert.ToHexString(sketch.Encode()));
    }

    [Fact]
    public void Encoding_is_the_same_in_every_version()
    {
        var sketch = new KeySketch();
        sketch.Add("ann");
        sketch.Add("bob");
        Assert.Equal("0106EF430F6482", Convert.ToHexString(sketch.Encode()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("00")]
    [InlineData("02")]
    [InlineData("03000041")]
    [InlineData("01000041FF")]
    [InlineData("01000040")]
    [InlineData("01000074")]
    [InlineData("01000041000042")]
    [InlineData("01000081000041")]
    [InlineData("01100041")]
    [InlineData("01FFFFC1")]
    public void Bytes_of_another_form_are_rejected(string hex) =>
        Assert.False(KeySketch.IsValid(Convert.FromHexString(hex)));

    [Fact]
    public void Dense_bytes_of_another_size_or_with_a_register_out_of_range_are_rejected()
    {
        var sketch = new KeySketch();
        for (var i = 0; i < 50_000; i++)
        {
            sketch.Add($"{i}");
        }

        var bytes = sketch.Encode();
        Assert.Equal(KeySketch.MaxBytes, bytes.Length);
        Assert.False(KeySketch.IsValid(bytes.AsSpan(1)));
        Assert.False(KeySketch.IsValid(bytes.AsSpan(0, bytes.Length - 1)));
        Assert.False(KeySketch.IsValid([.. bytes, 0]));
        foreach (var at in new[] { 1, 2, 3, 6000, bytes.Length - 1 })
        {
            byte[] broken = [.. bytes];
            broken[at] = 0xFF;
            Assert.False(KeySketch.IsValid(broken), $"byte {at}");
        }
    }

    [Fact]
    public void Random_bytes_are_rejected_or_can_be_merged()
    {
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = new byte[random.Next(0, 40)];
            random.NextBytes(bytes);
            if (bytes.Length > 0)
            {
                bytes[0] = (byte)random.Next(0, 4);
            }

            if (KeySketch.IsValid(bytes))
            {
                new KeySketch().Merge(bytes);
            }
        }
    }

    private static string Key(string form, int i) =>
        string.Format(System.Globalization.CultureInfo.InvariantCulture, form, i);
}
