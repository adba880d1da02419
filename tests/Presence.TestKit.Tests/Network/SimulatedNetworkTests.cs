using Presence.TestKit.Time;

namespace Presence.TestKit.Tests.Network;

public sealed class SimulatedNetworkTests
{
    private readonly VirtualTime _time = new();
    private readonly SimulatedNetwork _network;

    public SimulatedNetworkTests() =>
        _network = new SimulatedNetwork(_time, new SimulationRandom(1), LinkConditions.Good);

    [Fact]
    public void Good_link_delivers_everything_once_and_within_its_delay()
    {
        var arrivals = Send("a", "b", 1000);
        Assert.Equal(Enumerable.Range(0, 1000), arrivals.Select(arrival => arrival.Frame).Order());
        Assert.All(arrivals, arrival => Assert.InRange(arrival.At.TotalMilliseconds, 1, 10));
    }

    [Fact]
    public void Lossy_link_loses_about_the_configured_share()
    {
        _network.SetLink("a", "b", LinkConditions.Good with { Loss = 0.3 });
        Assert.InRange(Send("a", "b", 1000).Count, 650, 750);
        Assert.Equal(1000, Send("b", "a", 1000).Count);
        Assert.InRange(_network.LostFrames, 250, 350);
    }

    [Fact]
    public void Duplicating_link_delivers_some_frames_twice()
    {
        _network.SetDefault(LinkConditions.Good with { Duplication = 0.2 });
        Assert.InRange(Send("a", "b", 1000).Count, 1150, 1250);
    }

    [Fact]
    public void Reordering_link_lets_later_frames_overtake()
    {
        _network.SetDefault(LinkConditions.Good with
        {
            MinDelay = TimeSpan.Zero,
            MaxDelay = TimeSpan.Zero,
            Reordering = 0.5
        });
        var order = Send("a", "b", 100).Select(arrival => arrival.Frame).ToList();
        Assert.NotEqual(order.Order(), order);
        Assert.Equal(100, order.Count);
    }

    [Fact]
    public void Cut_blocks_both_directions_until_restored()
    {
        _network.Cut("a", "b");
        Assert.Empty(Send("a", "b", 10));
        Assert.Empty(Send("b", "a", 10));
        Assert.Equal(10, Send("a", "c", 10).Count);
        _network.Restore("a", "b");
        Assert.Equal(10, Send("a", "b", 10).Count);
        Assert.Equal(20, _network.Blocked);
    }

    [Fact]
    public void One_way_cut_leaves_the_other_direction_open()
    {
        _network.CutOneWay("a", "b");
        Assert.Empty(Send("a", "b", 10));
        Assert.Equal(10, Send("b", "a", 10).Count);
    }

    [Fact]
    public void Split_cuts_every_link_between_the_groups_and_none_within()
    {
        _network.Split(["a", "b"], ["c", "d"]);
        Assert.Empty(Send("a", "d", 1));
        Assert.Empty(Send("c", "b", 1));
        Assert.Single(Send("a", "b", 1));
        Assert.Single(Send("c", "d", 1));
    }

    [Fact]
    public void Heal_ends_every_fault()
    {
        _network.Cut("a", "b");
        _network.SetLink("a", "c", LinkConditions.Good with { Loss = 1 });
        _network.SetDefault(LinkConditions.Good with { Loss = 1 });
        _network.Heal();
        Assert.Single(Send("a", "b", 1));
        Assert.Single(Send("a", "c", 1));
        Assert.Single(Send("a", "d", 1));
    }

    [Fact]
    public void Frames_in_flight_survive_a_cut()
    {
        var arrived = false;
        _network.Send("a", "b", () => arrived = true);
        _network.Cut("a", "b");
        RunOut();
        Assert.True(arrived);
    }

    private List<(int Frame, TimeSpan At)> Send(string from, string to, int frames)
    {
        var began = _time.Now;
        var arrivals = new List<(int, TimeSpan)>();
        for (var i = 0; i < frames; i++)
        {
            var frame = i;
            _network.Send(from, to, () => arrivals.Add((frame, _time.Now - began)));
        }

        RunOut();
        return arrivals;
    }

    private void RunOut()
    {
        var until = _time.Now + TimeSpan.FromSeconds(1);
        while (_time.Step(until))
        {
        }
    }
}
