using System.Net;
using System.Net.Sockets;
using Presence.Silo.Configuration;

namespace Presence.Silo.Nodes;

/// <summary>Checks that the HTTP addresses are free before any silo joins the cluster.</summary>
internal static class ListenAddresses
{
    /// <exception cref="SiloStartException">An address is taken, not permitted or not of this machine.</exception>
    public static void Check(SiloOptions options)
    {
        var urls = Enumerable.Range(1, options.Nodes).SelectMany(options.UrlsOf).Select(BindingAddress.Parse);
        foreach (var url in urls.Where(url => url.Port != 0))
        {
            // Of any address only the loopback ones are tried, the server tries the rest.
            foreach (var address in IPAddress.TryParse(url.Host, out var named)
                ? [named]
                : new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
            {
                // The web server does without ::1 where the machine has none.
                if (PortCheck.ErrorOf(new IPEndPoint(address, url.Port)) is { } e
                    && (e.SocketErrorCode == SocketError.AddressAlreadyInUse
                        || !address.Equals(IPAddress.IPv6Loopback)))
                {
                    throw new SiloStartException(StartFailure.CannotListen(
                        $"{url.Scheme}://{url.Host}:{url.Port}", e.SocketErrorCode, e.Message));
                }
            }
        }
    }
}
