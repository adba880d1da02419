using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Tracker;
using Presence.Tracker.Counts;

namespace Presence.Node.CountsOnly;

/// <summary>
/// Reads the summaries of topics: each once, and the keys of several nodes once until one of them changes. Thread-safe.
/// </summary>
internal sealed class SummaryReader(NodeInstruments instruments, RateLimitedLogger rateLimitedLog, ILogger log)
{
    private readonly ConditionalWeakTable<PresenceEntry, Decoded> _decoded = [];

    // By the first entry of a topic, so that what is read goes with the entries.
    private readonly ConditionalWeakTable<PresenceEntry, Owners> _owners = [];

    /// <summary>Returns what each node has of a topic. One that cannot be read counts as none, and is logged.</summary>
    public Owners Read(TopicSnapshot summaries)
    {
        PresenceEntry[] entries = [.. summaries.Select(entry => entry)];
        if (entries.Length == 0)
        {
            return Owners.None;
        }

        if (_owners.TryGetValue(entries[0], out var known) && known.AreOf(entries))
        {
            return known;
        }

        var nodes = new List<(string Node, TopicSummary Summary)>(entries.Length);
        foreach (var entry in entries)
        {
            if (_decoded.GetValue(entry, Decode).Summary is { } summary)
            {
                if (nodes.Count > 0 && nodes[^1].Node == entry.Key)
                {
                    // Of two processes of one name, the later one.
                    nodes.RemoveAt(nodes.Count - 1);
                }

                nodes.Add((entry.Key, summary));
            }
        }

        var owners = new Owners(entries, nodes, TopicSummary.KeysOf([.. nodes.Select(node => node.Summary)]));
        _owners.AddOrUpdate(entries[0], owners);
        return owners;
    }

    private Decoded Decode(PresenceEntry entry)
    {
        var summary = string.Equals(entry.Key, entry.Owner.Node, StringComparison.Ordinal)
            ? TopicSummary.Read(entry.Meta)
            : null;
        if (summary is null)
        {
            instruments.SummaryInvalid();
            if (rateLimitedLog.IsDue("summary", out var count))
            {
                log.SummaryInvalid(entry.Owner.Node, entry.Meta.Length, count);
            }
        }

        return new Decoded(summary);
    }

    private sealed record Decoded(TopicSummary? Summary);

    /// <summary>What each node has of a topic.</summary>
    /// <param name="entries">The presences that the summaries were read from.</param>
    /// <param name="nodes">The nodes and their summaries.</param>
    /// <param name="keys">The number of distinct keys of all.</param>
    internal sealed class Owners(
        PresenceEntry[] entries, IReadOnlyList<(string Node, TopicSummary Summary)> nodes, int keys)
    {
        public static Owners None { get; } = new([], [], 0);

        public IReadOnlyList<(string Node, TopicSummary Summary)> Nodes => nodes;

        public int Keys => keys;

        public bool AreOf(PresenceEntry[] others) =>
            entries.AsSpan().SequenceEqual(others, ReferenceEqualityComparer.Instance);
    }
}
