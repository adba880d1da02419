using System.Globalization;

namespace Presence.Dashboard;

/// <summary>Notices what changed between two looks at the cluster, and remembers the last of it.</summary>
internal sealed class ClusterDiary
{
    /// <summary>Events that are kept.</summary>
    public const int Capacity = 100;

    /// <summary>A member that lacks changes older than this is behind, and has caught up below half of it.</summary>
    private const double BehindMs = 2000;

    private readonly LinkedList<ClusterEvent> _events = [];
    private readonly HashSet<string> _behind = new(StringComparer.Ordinal);
    private Dictionary<string, Seen>? _before;
    private string _state = "";
    private string _link = "";

    /// <summary>The latest first.</summary>
    public IReadOnlyList<ClusterEvent> Events => [.. _events];

    /// <param name="own">What this member sees now.</param>
    /// <param name="draining">Members that said that they stop.</param>
    /// <param name="at">Now.</param>
    public void Look(ClusterView own, IReadOnlySet<string> draining, DateTimeOffset at)
    {
        var now = own.Replicas
            .GroupBy(r => r.Node, StringComparer.Ordinal)
            .ToDictionary(replicas => replicas.Key, replicas => Seen.Of(replicas, draining), StringComparer.Ordinal);
        foreach (var (name, seen) in now.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            Compare(name, _before?.GetValueOrDefault(name), seen, at);
            NoticeLag(name, seen, at);
        }

        foreach (var gone in (_before ?? []).Keys.Except(now.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            _behind.Remove(gone);
            Add(at, gone, "left", _before![gone].Status == "draining" ? "stopped in order" : "is forgotten: it left, or was away too long");
        }

        if (own.State != _state)
        {
            if (_before is not null)
            {
                Add(at, own.Node, own.State, "is " + own.State);
            }

            _state = own.State;
        }

        if (own.Link.State != _link)
        {
            if (_link.Length > 0)
            {
                Add(at, own.Node, own.Link.State, own.Link.State == "away"
                    ? $"does not reach what joins the members: {own.Link.Problem}"
                    : "reaches the other members again");
            }

            _link = own.Link.State;
        }

        _before = now;
    }

    private void Compare(string name, Seen? before, Seen now, DateTimeOffset at)
    {
        if (before is null)
        {
            Add(at, name, "joined", now.Status == "up" ? $"is here, with {Count(now.Entries)}" : $"is known, and {now.Status}");
        }
        else if (before.Incarnation != now.Incarnation)
        {
            Add(at, name, "restarted", "is here again as a new incarnation");
        }
        else if (before.Status != now.Status)
        {
            var detail = now.Status switch
            {
                "down" => $"was silent for {now.SilentMs / 1000:0} s and is held to be down; its {Count(before.Entries)} are hidden",
                "draining" => "stops: takes no more clients",
                _ => $"is up again, with {Count(now.Entries)}",
            };
            Add(at, name, now.Status, detail);
        }
    }

    private void NoticeLag(string name, Seen now, DateTimeOffset at)
    {
        if (now.Status == "up" && now.LagMs >= BehindMs && _behind.Add(name))
        {
            Add(at, name, "behind", string.Create(CultureInfo.InvariantCulture, $"has changes of {now.LagMs / 1000:0.0} s ago that are missing here"));
        }
        else if (now.LagMs < BehindMs / 2 && _behind.Remove(name))
        {
            Add(at, name, "caught_up", "all its changes are here again");
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
