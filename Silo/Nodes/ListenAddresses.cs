using System.Net;
using System.Net.Sockets;

namespace Presence.Silo;

/// <summary>Checks that the HTTP addresses are free before any silo joins the cluster.</summary>
internal static class ListenAddresses
{
    /// <exception cref="SiloStartException">An address is taken, not permitted or not of this machine.</exception>
    public static void Check(SiloOptions options)
    {
        var urls = Enumerable.Range(1, options.Nodes).SelectMany(options.UrlsOf).Select(BindingAddress.Parse);
        foreach (var url in urls.Where(url => url.Port != 0))
        {
            Check(url);
        }
    }

    private static void Check(BindingAddress url)
    {
        foreach (var address in AddressesOf(url.Host))
        {
            Check(url, address);
        }
    }

    /// <summary>Returns what to try; of any address only the loopback ones, the server tries the rest.</summary>
    private static IPAddress[] AddressesOf(string host) =>
        IPAddress.TryParse(host, out var address) ? [address] : [IPAddress.Loopback, IPAddress.IPv6Loopback];

    private static void Check(BindingAddress url, IPAddress address)
    {
        try
        {
            using var listener = new TcpListener(address, url.Port);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                // As the web server does: [::] includes the addresses of IPv4.
                listener.Server.DualMode = true;
            }

            listener.Start();
        }
        catch (SocketException e) when (address.Equals(IPAddress.IPv6Loopback)
            && e.SocketErrorCode != SocketError.AddressAlreadyInUse)
        {
            // The web server does without it too.
        }
        catch (SocketException e)
        {
            throw new SiloStartException(
                StartFailure.CannotListen($"{url.Scheme}://{url.Host}:{url.Port}", e.SocketErrorCode, e.Message));
        }
    }
}
