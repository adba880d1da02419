using System.Net;
using System.Net.Sockets;

namespace Presence.Grains.Clustering;

/// <summary>Checks whether a server could listen on an address, before anything of it starts.</summary>
internal static class PortCheck
{
    /// <summary>Returns why it could not; null if it could.</summary>
    public static SocketException? ErrorOf(IPEndPoint address)
    {
        try
        {
            using var listener = new TcpListener(address);
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                // As web servers do: [::] includes the addresses of IPv4.
                listener.Server.DualMode = true;
            }

            listener.Start();
            return null;
        }
        catch (SocketException e)
        {
            return e;
        }
    }
}
