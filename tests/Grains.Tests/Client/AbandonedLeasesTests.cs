using Presence.Grains.Client;

namespace Presence.Grains.Tests.Client;

public sealed class AbandonedLeasesTests
{
    private const int Batch = AbandonedLeases.MaxLeasesPerCall;

    private readonly TestTime _time = new();
    private readonly List<IReadOnlyList<string>> _calls = [];
    private readonly AbandonedLeases _leases;
    private bool _isFailing = true;

    public AbandonedLeasesTests() => _leases = new AbandonedLeases(EndAsync, _time);

    [Fact]
    public void Leases_that_could_not_be_ended_are_tried_again_after_the_others()
    {
        var all = Enumerable.Range(0, (2 * Batch) + 1).Select(i => $"l{i}").ToArray();
        Array.ForEach(all, _leases.Add);
        _leases.Tick();
        _leases.Tick();
        _leases.Tick();
        _isFailing = false;
        _leases.Tick();
        Assert.Equal([Batch, Batch, Batch, Batch], _calls.Select(call => call.Count));
        // Every lease had its turn, and the first ones then had the next.
        Assert.Equal(all, _calls.SelectMany(call => call).Take(all.Length));
        Assert.Equal(all[..(Batch - 1)], _calls[2].Skip(1));
    }

    [Fact]
    public void Ended_leases_are_not_ended_again()
    {
        _isFailing = false;
        _leases.Add("a");
        _leases.Tick();
        _leases.Tick();
        Assert.Equal("a", Assert.Single(Assert.Single(_calls)));
    }

    [Fact]
    public void Leases_are_left_to_expire_after_ten_minutes()
    {
        _leases.Add("a");
        _time.Advance(TimeSpan.FromMinutes(10));
        _leases.Tick();
        _time.Advance(TimeSpan.FromSeconds(1));
        _leases.Tick();
        _leases.Tick();
        Assert.Equal(2, _calls.Count);
    }

    private Task EndAsync(IReadOnlyList<string> leases)
    {
        _calls.Add(leases);
        return _isFailing ? Task.FromException(new TimeoutException("a silo does not answer")) : Task.CompletedTask;
    }
}
