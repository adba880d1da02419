using System.Text;
using Orleans.Runtime;

namespace Presence.Grains.Diffs;

/// <summary>Selects the publisher silo of a topic by rendezvous hashing: few topics move when silos change.</summary>
internal static class PublisherSilo
{
    /// <summary>Returns the publisher silo, the same for the same silos in any order; null without silos.</summary>
    public static SiloAddress? Of(string topic, IReadOnlyList<SiloAddress> active)
    {
        var hash = Fnv(topic);
        SiloAddress? publisher = null;
        var best = 0UL;
        foreach (var silo in active)
        {
            var weight = Mix(hash ^ Mix((uint)silo.GetConsistentHashCode()));
            if (publisher is null || weight > best || (weight == best && silo.CompareTo(publisher) < 0))
            {
                (publisher, best) = (silo, weight);
            }
        }

        return publisher;
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
