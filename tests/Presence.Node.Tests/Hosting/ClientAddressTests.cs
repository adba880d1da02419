using System.Net;
using Presence.Node.Hosting;

namespace Presence.Node.Tests.Hosting;

public sealed class ClientAddressTests
{
    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData(null, "an unknown address")]
    public void Address_is_shown_as_far_as_its_key_knows_it(string? address, string expected) =>
        Assert.Equal(expected, ClientAddress.TextOf(
            ClientAddress.KeyOf(address is null ? null : IPAddress.Parse(address))));
}
