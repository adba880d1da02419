using System.Net.Sockets;

namespace Presence.Grains.Tests.Clustering;

public sealed class SiloPortsTests : IDisposable
{
    // Silo port 50111 and gateway 69000.
    private const int HighPort = 43_000;

    private readonly StringWriter _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Ports_have_the_same_offset_as_the_HTTP_port_from_4000()
    {
        var http = FreePort(gatewayToo: true);
        var places = Assign(Plans.Of(http));
        Assert.Equal([new SiloEndpoints(1, $"node-{http - 3999}", http, http + 7111, http + 26_000)], places);
        Assert.Empty(_output.ToString());
    }

    [Fact]
    public void Port_out_of_range_is_replaced_and_printed()
    {
        var place = Assert.Single(Assign(Plans.Of(HighPort)));
        Assert.InRange(place.GatewayPort, 20_000, 29_999);
        Assert.Contains(
            $"{HighPort}: 69000 for Presence:Orleans:GatewayPort is no port; {place.GatewayPort} is used instead.",
            _output.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Port_in_use_is_replaced_and_printed()
    {
        var http = FreePort();
        using var taken = new PortListener(port: http + 7111);
        var place = Assert.Single(Assign(Plans.Of(http)));
        Assert.InRange(place.SiloPort, 20_000, 29_999);
        Assert.Contains(
            $"{http}: {http + 7111} for Presence:Orleans:SiloPort is taken; {place.SiloPort} is used instead.",
            _output.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Ports_chosen_by_the_system_differ()
    {
        var places = Assign(Plans.Of(0, 64));
        Assert.Equal(128, places.SelectMany(place => new[] { place.SiloPort, place.GatewayPort }).Distinct().Count());
        Assert.Equal(64, places.Select(place => place.Name).Distinct().Count());
        Assert.Empty(_output.ToString());
    }

    [Fact]
    public void Configured_port_is_used_and_incremented_per_silo()
    {
        var port = FreePort();
        Assert.Equal(
            [port, port + 1],
            Assign(Plans.Of(0, 2, o => o.GatewayPort = port)).Select(place => place.GatewayPort));
    }

    [Fact]
    public void Configured_port_in_use_stops_the_start()
    {
        using var taken = new PortListener();
        Rejects(
            $"Presence:Orleans:SiloPort: cannot listen on 127.0.0.1:{taken.Port}: ",
            Plans.Of(0, 1, o => o.SiloPort = taken.Port));
    }

    [Theory]
    [InlineData(65535, 2)]
    [InlineData(65534, 4)]
    public void Configured_port_without_enough_ports_after_it_stops_the_start(int port, int nodes) => Rejects(
        $"Presence:Orleans:SiloPort is '{port}': it must leave room for {nodes} ports below 65536.",
        Plans.Of(0, nodes, o => o.SiloPort = port));

    [Fact]
    public void An_address_of_another_machine_stops_the_start() => Rejects(
        "Presence:Orleans:AdvertisedAddress is '203.0.113.1': it must be an IP address of this machine",
        Plans.Of(0, 1, o => o.AdvertisedAddress = IPAddress.Parse("203.0.113.1")));

    private void Rejects(string expected, SiloPlan plan)
    {
        var e = Assert.Throws<SiloStartException>(() => Assign(plan));
        Assert.StartsWith(expected, e.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<SiloEndpoints> Assign(SiloPlan plan) => SiloPorts.Assign(plan, _output);

    /// <summary>Returns an HTTP port that is free, with its silo port and the next one.</summary>
    private static int FreePort(bool gatewayToo = false)
    {
        for (var http = 4200; ; http++)
        {
            try
            {
                using var own = new PortListener(port: http);
                using var silo = new PortListener(port: http + 7111);
                using var next = new PortListener(port: http + 1);
                using var gateway = new PortListener(port: gatewayToo ? http + 26_000 : 0);
                return http;
            }
            catch (SocketException)
            {
                // The port is in use: try another.
            }
        }
    }
}
