using System.Globalization;

namespace Presence.Dashboard.Cluster;

/// <summary>Records the changes between two samples of the cluster and keeps the latest.</summary>
internal sealed class ClusterEventLog
{
    public const int Capacity = 100;

    /// <summary>A lag above this is reported as behind, below half of it as caught up.</summary>
    private const double BehindMs = 2000;

    private readonly LinkedList<ClusterEvent> _events = [];
    private readonly HashSet<string> _behind = new(StringComparer.Ordinal);
    private Dictionary<string, Seen>? _before;
    private string _state = "";
    private string _transport = "";

    /// <summary>Gets the events, the latest first.</summary>
    public IReadOnlyList<ClusterEvent> Events => [.. _events];

    /// <summary>Records the changes since the last call.</summary>
    public void Record(ClusterView own, IReadOnlySet<string> draining, DateTimeOffset at)
    {
        var now = own.Replicas
            .GroupBy(r => r.Node, StringComparer.Ordinal)
            .ToDictionary(replicas => replicas.Key, replicas => Seen.Of(replicas, draining), StringComparer.Ordinal);
        foreach (var (name, seen) in now.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Compare(name, _before?.GetValueOrDefault(name), seen, at);
            RecordLag(name, seen, at);
        }

        foreach (var gone in (_before ?? []).Keys.Except(now.Keys, StringComparer.Ordinal).Order(
            StringComparer.Ordinal))
        {
            _behind.Remove(gone);
            var isGraceful = _before![gone].Status == "draining";
            Add(at, gone, "left", isGraceful ? "stopped gracefully" : "removed: left or down for too long");
        }

        if (own.State != _state)
        {
            if (_before is not null)
            {
                Add(at, own.Node, own.State, "is " + own.State);
            }

            _state = own.State;
        }

        if (own.Transport.State != _transport)
        {
            if (_transport.Length > 0)
            {
                Add(at, own.Node, own.Transport.State, own.Transport.State == "disconnected"
                    ? $"disconnected from the cluster: {own.Transport.LastError}"
                    : "reconnected to the cluster");
            }

            _transport = own.Transport.State;
        }

        _before = now;
    }

    private void Compare(string name, Seen? before, Seen now, DateTimeOffset at)
    {
        if (before is null)
        {
            Add(at, name, "joined",
                now.Status == "up" ? $"joined with {Count(now.Entries)}" : $"is known and {now.Status}");
        }
        else if (before.Incarnation != now.Incarnation)
        {
            Add(at, name, "restarted", "restarted as a new incarnation");
        }
        else if (before.Status != now.Status)
        {
            var detail = now.Status switch
            {
                "down" => $"down after {now.SilentMs / 1000:0} s of silence; its {Count(before.Entries)} are hidden",
                "draining" => "draining: accepts no more clients",
                _ => $"is up again with {Count(now.Entries)}",
            };
            Add(at, name, now.Status, detail);
        }
    }

    private void RecordLag(string name, Seen now, DateTimeOffset at)
    {
        if (now.Status == "up" && now.LagMs >= BehindMs && _behind.Add(name))
        {
            Add(at, name, "behind", string.Create(
                CultureInfo.InvariantCulture, $"changes of {now.LagMs / 1000:0.0} s ago are missing here"));
        }
        else if (now.LagMs < BehindMs / 2 && _behind.Remove(name))
        {
            Add(at, name, "caught_up", "no changes are missing any more");
        }
    }

    private void Add(DateTimeOffset at, string node, string what, string detail)
    {
        _events.AddFirst(new ClusterEvent(at.ToUnixTimeMilliseconds(), node, what, detail));
        if (_events.Count > Capacity)
        {
            _events.RemoveLast();
        }
    }

    private static string Count(int entries) =>
        entries == 1 ? "1 presence" : string.Create(CultureInfo.InvariantCulture, $"{entries:N0} presences");

    private sealed record Seen(string Status, string Incarnation, double LagMs, double SilentMs, int Entries)
    {
        public static Seen Of(IGrouping<string, ReplicaView> replicas, IReadOnlySet<string> draining)
        {
            var isUp = replicas.Any(r => r.Status == "up");
            return new Seen(
                !isUp ? "down" : draining.Contains(replicas.Key) ? "draining" : "up",
                replicas.Select(r => r.Incarnation).MaxBy(text => ulong.Parse(text, CultureInfo.InvariantCulture))!,
                replicas.Max(r => r.LagMs),
                replicas.Min(r => r.SilentMs),
                replicas.Sum(r => r.Entries));
        }
    }
}
