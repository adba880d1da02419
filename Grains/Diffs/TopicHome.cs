using System.Text;
using Orleans.Runtime;

namespace Presence.Grains.Diffs;

/// <summary>Which silo speaks for a topic on its stream: rendezvous hashing, so that few topics move with a silo.</summary>
internal static class TopicHome
{
    /// <summary>The home of a topic among silos; the same on every silo that sees the same ones. Null if there are none.</summary>
    public static SiloAddress? Of(string topic, IReadOnlyList<SiloAddress> active)
    {
        var hash = Fnv(topic);
        SiloAddress? home = null;
        var best = 0UL;
        foreach (var silo in active)
        {
            var weight = Mix(hash ^ Mix((uint)silo.GetConsistentHashCode()));
            if (home is null || weight > best || (weight == best && silo.CompareTo(home) < 0))
            {
                (home, best) = (silo, weight);
            }
        }

        return home;
    }

    private static ulong Fnv(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            hash = (hash ^ b) * 1099511628211UL;
        }

        return hash;
    }

    /// <summary>The finalizer of SplitMix64 (Steele, Lea, Flood 2014).</summary>
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
