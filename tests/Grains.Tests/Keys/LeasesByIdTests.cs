using Presence.Grains.Leases;

namespace Presence.Grains.Tests.Keys;

public sealed class LeasesByIdTests
{
    private const string Ours = "00112233445566778899aabbccddeeff";

    [Fact]
    public void Ids_are_the_same_only_if_their_texts_are()
    {
        string[] ids =
        [
            Ours,
            Ours.ToUpperInvariant(),
            Ours[..^1] + "F",
            "00112233-4455-6677-8899-aabbccddeeff",
            "{00112233-4455-6677-8899-aabbccddeeff}",
            " " + Ours,
            Ours + " ",
            "00000000000000000000000000000000",
            "ann's laptop",
            "ANN's laptop",
        ];
        var table = new LeasesById<string>();
        Assert.All(ids, id => Assert.True(table.TryAdd(id, $"lease {id}")));
        Assert.All(ids, id => Assert.False(table.TryAdd(new string(id.AsSpan()), "another")));
        Assert.All(ids, id => Assert.Equal($"lease {id}", table.Find(id)));
        Assert.Equal(ids.Select(id => $"lease {id}").Order(), table.Values.Order());

        Assert.Equal([$"lease {Ours}"], table.RemoveWhere(lease => lease == $"lease {Ours}"));
        Assert.Null(table.Find(Ours));
        Assert.All(ids[1..], id => Assert.Equal($"lease {id}", table.Remove(id)));
        Assert.Null(table.Remove(ids[1]));
        Assert.Empty(table.Values);
    }
}
