using Presence.Node.Security;

namespace Presence.Node.Tests.Security;

public sealed class RandomIdsTests
{
    [Fact]
    public async Task Ids_of_all_threads_differ()
    {
        const int Threads = 4, Each = 10_000;
        var ids = await Task.WhenAll(Enumerable.Range(0, Threads).Select(_ => Task.Factory.StartNew(
            () => Enumerable.Range(0, Each).Select(_ => RandomIds.NextText()).ToArray(),
            TaskCreationOptions.LongRunning)));
        var all = ids.SelectMany(id => id).ToArray();
        Assert.Equal(Threads * Each, all.Distinct().Count());
        Assert.All(all, id => Assert.Matches("^[0-9a-f]{32}$", id));
    }

    [Fact]
    public void Every_bit_varies()
    {
        Span<byte> id = stackalloc byte[RandomIds.Size];
        Span<byte> ever = stackalloc byte[RandomIds.Size];
        Span<byte> always = stackalloc byte[RandomIds.Size];
        always.Fill(0xFF);
        for (var i = 0; i < 200; i++)
        {
            RandomIds.Fill(id);
            for (var at = 0; at < id.Length; at++)
            {
                ever[at] |= id[at];
                always[at] &= id[at];
            }
        }

        Assert.DoesNotContain(ever.ToArray(), bits => bits != 0xFF);
        Assert.DoesNotContain(always.ToArray(), bits => bits != 0);
    }
}
