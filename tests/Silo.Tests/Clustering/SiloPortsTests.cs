namespace Presence.Silo.Tests.Clustering;

public sealed class SiloPortsTests : IDisposable
{
    // Silo port 50111 and gateway 69000.
    private const int HighPort = 43_000;

    private readonly StringWriter _output = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public void Ports_are_as_far_from_theirs_as_the_HTTP_port_from_4000()
    {
        var http = FreePort(gatewayToo: true);
        var places = Assign(("urls", $"http://127.0.0.1:{http}"));
        Assert.Equal([new SiloPlace(1, $"node-{http - 3999}", http, http + 7111, http + 26_000)], places);
        Assert.Empty(_output.ToString());
    }

    [Fact]
    public void A_port_that_does_not_exist_is_replaced_and_printed()
    {
        var place = Assert.Single(Assign(("urls", $"http://127.0.0.1:{HighPort}")));
        Assert.InRange(place.GatewayPort, 20_000, 29_999);
        Assert.Contains(
            $"HTTP port {HighPort}: 69000 for Presence:Orleans:GatewayPort is no port; {place.GatewayPort} is used instead.",
            _output.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_somebody_listens_on_is_replaced_and_printed()
    {
        var http = FreePort();
        using var taken = new PortListener(port: http + 7111);
        var place = Assert.Single(Assign(("urls", $"http://127.0.0.1:{http}")));
        Assert.InRange(place.SiloPort, 20_000, 29_999);
        Assert.Contains(
            $"HTTP port {http}: {http + 7111} for Presence:Orleans:SiloPort is taken; {place.SiloPort} is used instead.",
            _output.ToString(),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_system_chooses_no_two_silos_get_one_port()
    {
        var places = Assign(("urls", "http://127.0.0.1:0"), ("Presence:Nodes", "64"));
        Assert.Equal(128, places.SelectMany(place => new[] { place.SiloPort, place.GatewayPort }).Distinct().Count());
        Assert.Equal(64, places.Select(place => place.Name).Distinct().Count());
        Assert.Empty(_output.ToString());
    }

    [Fact]
    public void A_configured_port_is_taken_as_it_is_and_counted_on()
    {
        var port = FreePort();
        Assert.Equal(
            [port, port + 1],
            Assign(("urls", "http://127.0.0.1:0"), ("Presence:Nodes", "2"), ("Presence:Orleans:GatewayPort", $"{port}"))
                .Select(place => place.GatewayPort));
    }

    [Fact]
    public void A_configured_port_that_is_taken_stops_the_start()
    {
        using var taken = new PortListener();
        Rejects(
            $"Presence:Orleans:SiloPort: nobody can listen on 127.0.0.1:{taken.Port}: ",
            ("Presence:Orleans:SiloPort", $"{taken.Port}"));
    }

    [Fact]
    public void A_configured_port_that_leaves_no_room_stops_the_start() => Rejects(
        "Presence:Orleans:SiloPort is '65535': it must leave room for 2 ports below 65536.",
        ("Presence:Orleans:SiloPort", "65535"),
        ("Presence:Nodes", "2"));

    [Fact]
    public void An_address_of_another_machine_stops_the_start() => Rejects(
        "Presence:Orleans:AdvertisedAddress is '203.0.113.1': it must be an IP address of this machine",
        ("Presence:Orleans:AdvertisedAddress", "203.0.113.1"));

    private void Rejects(string says, params ReadOnlySpan<(string Key, string Value)> settings)
    {
        var given = settings.ToArray();
        var e = Assert.Throws<SiloStartException>(() => Assign([("urls", "http://127.0.0.1:0"), .. given]));
        Assert.StartsWith(says, e.Message, StringComparison.Ordinal);
    }

    private IReadOnlyList<SiloPlace> Assign(params ReadOnlySpan<(string Key, string Value)> settings) =>
        SiloPorts.Assign(Options.Read(settings), _output);

    /// <summary>An HTTP port whose silo port is free, and the one after it.</summary>
    private static int FreePort(bool gatewayToo = false)
    {
        for (var http = 4200; ; http++)
        {
            try
            {
                using var silo = new PortListener(port: http + 7111);
                using var next = new PortListener(port: http + 1);
                using var gateway = new PortListener(port: gatewayToo ? http + 26_000 : 0);
                return http;
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Somebody listens there: another.
            }
        }
    }
}
