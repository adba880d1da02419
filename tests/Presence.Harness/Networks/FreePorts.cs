using System.Collections.Concurrent;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Presence.Harness.Networks;

/// <summary>Ports for programs that need theirs before they start.</summary>
public static class FreePorts
{
    /// <summary>
    /// From here on, the system takes ports for connections and for listeners on port 0, at any time.
    /// </summary>
    private const int FirstOfSystem = 32_768;

    private const int MaxAttempts = 1000;

    // Sockets that hold the claims of this process, until it ends.
    private static readonly ConcurrentBag<Socket> Claims = [];

    /// <summary>
    /// Returns the first of successive ports on which nothing listens, on any address. No other call on this machine
    /// returns them until this process has ended.
    /// </summary>
    /// <param name="count">The number of ports.</param>
    /// <param name="from">The lowest port.</param>
    /// <param name="below">The port above the highest.</param>
    public static int Find(int count = 1, int from = 20_000, int below = FirstOfSystem)
    {
        var used = IPGlobalProperties.GetIPGlobalProperties()
            .GetActiveTcpListeners().Select(listener => listener.Port).ToHashSet();
        for (var attempts = 0; attempts < MaxAttempts; attempts++)
        {
            var port = Random.Shared.Next(from, below - count + 1);
            if (!Enumerable.Range(port, count).Any(used.Contains) && TryClaim(port, count))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No {count} successive free ports between {from} and {below}.");
    }

    // Another test process may choose between this choice and the start of the program that listens. The system gives
    // each UDP port to one socket, which does not keep programs from listening on the TCP port of that number.
    private static bool TryClaim(int port, int count)
    {
        var claims = new List<Socket>();
        try
        {
            for (var number = port; number < port + count; number++)
            {
                var claim = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
                claims.Add(claim);
                claim.Bind(new IPEndPoint(IPAddress.Loopback, number));
            }
        }
        catch (SocketException e) when (
            e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            claims.ForEach(claim => claim.Dispose());
            return false;
        }

        claims.ForEach(Claims.Add);
        return true;
    }
}
