using Presence.Tracker.Entries;

namespace Presence.Tracker.Cursors;

/// <summary>
/// Summarizes which versions of presences are shown in one topic, as a sum of hashes for each replica that their public
/// ids name. Adding or removing a presence takes constant time; equal pictures have equal digests on all nodes.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TopicDigest
{
    private readonly Dictionary<uint, ulong> _sums;

    public TopicDigest(string topic)
    {
        _sums = [];
        Total = StableHash.Of(topic);
    }

    private TopicDigest(TopicDigest other)
    {
        _sums = new(other._sums);
        Total = other.Total;
    }

    /// <summary>Gets the hash of the topic plus those of all presences.</summary>
    public ulong Total { get; private set; }

    /// <summary>Gets the sum of each replica with presences, by the upper 24 bits of its hash.</summary>
    public IReadOnlyDictionary<uint, ulong> Sums => _sums;

    public static TopicDigest Of(string topic, IEnumerable<PresenceEntry> shown)
    {
        var digest = new TopicDigest(topic);
        foreach (var entry in shown)
        {
            digest.Add(entry);
        }

        return digest;
    }

    /// <summary>Returns the key of <see cref="Sums"/> under which a presence counts.</summary>
    public static uint OwnerOf(PresenceEntry entry) => (uint)(entry.RefDot.Owner >> 16);

    public void Add(PresenceEntry entry) => Change(OwnerOf(entry), HashOf(entry));

    public void Remove(PresenceEntry entry) => Change(OwnerOf(entry), 0 - HashOf(entry));

    public TopicDigest Copy() => new(this);

    private void Change(uint owner, ulong by)
    {
        Total += by;
        var sum = _sums.GetValueOrDefault(owner) + by;
        if (sum == 0)
        {
            _sums.Remove(owner);
        }
        else
        {
            _sums[owner] = sum;
        }
    }

    private static ulong HashOf(PresenceEntry entry)
    {
        var (owner, sequence) = entry.RefDot;
        return StableHash.Mix(StableHash.Of(entry.Key) ^ StableHash.Mix(StableHash.Mix(owner) + sequence));
    }
}
