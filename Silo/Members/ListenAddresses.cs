using System.Net;
using System.Net.Sockets;

namespace Presence.Silo;

/// <summary>Checks that the HTTP addresses are free before any silo starts and tells others of it.</summary>
internal static class ListenAddresses
{
    /// <exception cref="SiloStartException">An address is taken, not allowed or none of this machine.</exception>
    public static void Check(SiloOptions options)
    {
        for (var number = 1; number <= options.Nodes; number++)
        {
            foreach (var url in options.UrlsOf(number).Select(BindingAddress.Parse).Where(url => url.Port != 0))
            {
                Check(url);
            }
        }
    }

    private static void Check(BindingAddress url)
    {
        try
        {
            // Of a wildcard only this address is tried; the rest is found when the server binds it.
            using var listener = new TcpListener(IPAddress.TryParse(url.Host, out var address) ? address : IPAddress.Loopback, url.Port);
            listener.Start();
        }
        catch (SocketException e)
        {
            throw new SiloStartException(
                StartFailure.CannotListen($"{url.Scheme}://{url.Host}:{url.Port}", e.SocketErrorCode, e.Message));
        }
    }
}
