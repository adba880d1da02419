using Microsoft.Extensions.Options;
using Presence.Grains.Leases;

namespace Presence.Grains.Tests.Leases;

public sealed class EndedIdsTests
{
    private readonly TestTime _time = new();
    private readonly EndedIds _ended;

    public EndedIdsTests() => _ended = new(Options.Create(new PresenceOrleansOptions { MaxLeases = 3 }), _time);

    [Fact]
    public void As_many_ids_are_kept_as_there_may_be_leases()
    {
        foreach (var id in new[] { "a", "b", "b", "c", "d" })
        {
            _ended.Add(id);
        }

        Assert.Equal(3, _ended.Count);
        Assert.True(_ended.Contains("c"));
        Assert.False(_ended.Contains("d"));
    }

    [Fact]
    public void Id_is_kept_for_a_minute_after_it_was_added_last()
    {
        _ended.Add("a");
        _ended.Add("b");
        _time.Advance(TimeSpan.FromSeconds(59));
        _ended.Add("b");
        _time.Advance(TimeSpan.FromSeconds(1));
        _ended.RemoveExpired();
        Assert.False(_ended.Contains("a"));
        Assert.True(_ended.Contains("b"));
        Assert.Equal(1, _ended.Count);

        _time.Advance(TimeSpan.FromMinutes(1));
        _ended.RemoveExpired();
        Assert.Equal(0, _ended.Count);
    }

    [Fact]
    public async Task Ids_that_many_threads_add_and_remove_are_counted()
    {
        var ended = new EndedIds(Options.Create(new PresenceOrleansOptions()), _time);
        using var stop = new CancellationTokenSource();
        var clock = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                _time.Advance(TimeSpan.FromSeconds(10));
                ended.RemoveExpired();
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 50_000; i++)
            {
                ended.Add($"{i % 100}");
            }
        })));
        await stop.CancelAsync();
        await clock;
        Assert.Equal(Enumerable.Range(0, 100).Count(i => ended.Contains($"{i}")), ended.Count);
    }
}
