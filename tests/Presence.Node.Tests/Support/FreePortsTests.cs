using System.Net;
using System.Net.Sockets;
using Presence.Harness.Networks;

namespace Presence.Node.Tests.Support;

public sealed class FreePortsTests
{
    [Fact]
    public void Port_is_returned_once()
    {
        // A range of its own: other tests take theirs above 20,000 or below 6,000.
        var found = Enumerable.Range(0, 100).Select(_ => FreePorts.Find(from: 18_000, below: 19_000));
        Assert.Distinct(found);
    }

    [Fact]
    public void Search_ends_when_all_ports_are_in_use()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        Assert.Throws<InvalidOperationException>(() => FreePorts.Find(from: port, below: port + 1));
    }
}
