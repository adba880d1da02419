using System.Net.NetworkInformation;

namespace Presence.Harness.Networks;

/// <summary>Ports for programs that must be told theirs before they start.</summary>
public static class FreePorts
{
    /// <summary>
    /// From here on, the system takes ports for connections and for listeners on port 0, at any time.
    /// </summary>
    private const int FirstOfSystem = 32_768;

    private const int MaxAttempts = 1000;

    /// <summary>Returns the first of successive ports on which nothing listens, on any address.</summary>
    /// <param name="count">The number of ports.</param>
    /// <param name="from">The lowest port.</param>
    /// <param name="below">The port above the highest.</param>
    public static int Find(int count = 1, int from = 20_000, int below = FirstOfSystem)
    {
        var used = IPGlobalProperties.GetIPGlobalProperties()
            .GetActiveTcpListeners().Select(listener => listener.Port).ToHashSet();
        for (var attempts = 0; attempts < MaxAttempts; attempts++)
        {
            var port = Random.Shared.Next(from, below - count);
            if (!Enumerable.Range(port, count).Any(used.Contains))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"No {count} successive free ports between {from} and {below}.");
    }
}
