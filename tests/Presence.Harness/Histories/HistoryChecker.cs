namespace Presence.Harness.Histories;

/// <summary>Finds violations in a history.</summary>
/// <remarks>
/// The end of the history must be a converged state: wait for it before calling. A join that was never acknowledged may
/// be visible or not, until its owner or its node has ended.
/// </remarks>
public sealed class HistoryChecker
{
    private readonly IReadOnlyList<HistoryEvent> _events;
    private readonly IReadOnlyList<Excuse> _excuses;
    private readonly Dictionary<string, Life> _lives = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(TimeSpan At, NodeEndReason? How)>> _nodes = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Observer, string Topic), ShownTopic> _topics = [];
    private readonly HashSet<(string Observer, string Presence)> _seenLeaving = [];
    private readonly List<Finding> _findings = [];

    private HistoryChecker(IReadOnlyList<HistoryEvent> events, IReadOnlyList<Excuse> excuses) =>
        (_events, _excuses) = (events, excuses);

    /// <param name="excuses">The times in which nodes may mark each other as down.</param>
    public static IReadOnlyList<Finding> Check(IReadOnlyList<HistoryEvent> events, params IReadOnlyList<Excuse> excuses)
    {
        var checker = new HistoryChecker(events, excuses);
        checker.CollectWhatWasDone();
        foreach (var happened in events)
        {
            checker.Follow(happened);
        }

        checker.CompareTheEnd();
        checker._findings.AddRange(EpochChecker.Check(events));
        return checker._findings;
    }

    private void CollectWhatWasDone()
    {
        foreach (var happened in _events)
        {
            switch (happened)
            {
                case Joining j:
                    _lives[j.Presence] = new Life(j);
                    break;
                case Joined j:
                    _lives[j.Presence].Acknowledged = true;
                    break;
                case Updated u:
                    _lives[u.Presence].Version = Math.Max(_lives[u.Presence].Version, u.Version);
                    break;
                case Ending e:
                    _lives[e.Presence].EndedAt ??= e.At;
                    break;
                case NodeStarted m:
                    Node(m.Node).Add((m.At, null));
                    break;
                case NodeEnded m:
                    Node(m.Node).Add((m.At, m.How));
                    break;
            }
        }

        foreach (var life in _lives.Values)
        {
            var end = Node(life.Start.Node)
                .FirstOrDefault(change => change.How is not null && change.At >= life.Start.At);
            (life.NodeEndedAt, life.NodeEnd) = (end.How is null ? null : end.At, end.How);
        }
    }

    private List<(TimeSpan At, NodeEndReason? How)> Node(string name) =>
        _nodes.TryGetValue(name, out var changes) ? changes : _nodes[name] = [];

    private void Follow(HistoryEvent happened)
    {
        switch (happened)
        {
            case SawState s:
                FollowState(s);
                break;
            case SawDiff d:
                FollowDiff(d);
                break;
            case WatchEnded w:
                foreach (var key in _topics.Keys.Where(key => key.Observer == w.Observer).ToList())
                {
                    _topics.Remove(key);
                }

                break;
            case VerdictReported s:
                FollowVerdict(s);
                break;
        }
    }

    private void FollowState(SawState seen)
    {
        var topic = Topic(seen.Observer, seen.Topic);
        foreach (var twice in seen.Presences.GroupBy(shown => shown.Presence).Where(group => group.Count() > 1))
        {
            Report(FindingKind.DoubleJoin, seen.At, seen.Observer, $"the state has {twice.Key} {twice.Count()} times");
        }

        topic.Replace(seen.Presences);
    }

    private void FollowDiff(SawDiff seen)
    {
        var topic = Topic(seen.Observer, seen.Topic);
        foreach (var join in seen.Joins)
        {
            FollowJoin(seen, topic, join);
        }

        foreach (var leave in seen.Leaves)
        {
            FollowLeave(seen, topic, leave);
        }

        topic.Apply(seen.Joins, seen.Leaves);
    }

    private void FollowJoin(SawDiff seen, ShownTopic topic, Shown join)
    {
        var isUpdate = topic.Find(join.Presence) is { } before && seen.Leaves.Any(leave => leave.Ref == before.Ref);
        if (topic.Contains(join.Ref))
        {
            Report(
                FindingKind.DoubleJoin,
                seen.At,
                seen.Observer,
                $"{join.Presence} joined as {join.Ref}, which was already visible");
        }
        else if (!isUpdate && topic.Find(join.Presence) is { } shown)
        {
            Report(
                FindingKind.DoubleJoin,
                seen.At,
                seen.Observer,
                $"{join.Presence} joined as {join.Ref} beside {shown.Ref}");
        }
        else if (!isUpdate && _seenLeaving.Contains((seen.Observer, join.Presence)) && IsOver(join.Presence, seen.At)
            && seen.Leaves.All(leave => leave.Ref != join.Ref))
        {
            Report(
                FindingKind.Ghost, seen.At, seen.Observer, $"{join.Presence} joined again after it had ended and left");
        }
    }

    private void FollowLeave(SawDiff seen, ShownTopic topic, Shown leave)
    {
        var joinsHere = seen.Joins.Any(join => join.Ref == leave.Ref);
        if (!topic.Contains(leave.Ref) && !joinsHere)
        {
            Report(
                FindingKind.LeaveWithoutJoin,
                seen.At,
                seen.Observer,
                $"{leave.Presence} left as {leave.Ref}, which was not visible");
            return;
        }

        if (seen.Joins.Any(join => join.Presence == leave.Presence && join.Ref != leave.Ref))
        {
            // An update appears as a join and a leave.
            return;
        }

        _seenLeaving.Add((seen.Observer, leave.Presence));
        if (!_lives.TryGetValue(leave.Presence, out var life))
        {
            return;
        }

        if (!IsOver(leave.Presence, seen.At))
        {
            // An observer on a node that was declared dead but still runs sees the others leave.
            if (!IsExcused(seen.At) && !IsOver(seen.Observer, seen.At))
            {
                Report(
                    FindingKind.FalseLeave,
                    seen.At,
                    seen.Observer,
                    $"{leave.Presence} on {life.Start.Node} left but is present");
            }
        }
        else if (leave.Reason is { } reason && !life.Reasons(seen.At).Contains(reason))
        {
            Report(
                FindingKind.WrongReason,
                seen.At,
                seen.Observer,
                $"{leave.Presence} left with reason {reason} instead of {string.Join(" or ", life.Reasons(seen.At))}");
        }
    }

    private void FollowVerdict(VerdictReported report)
    {
        if (report.Verdict is not (NodeVerdict.Down or NodeVerdict.PermDown or NodeVerdict.Stopped or NodeVerdict.Dead)
            || IsExcused(report.At)
            || EndOf(report.Node, report.At) is not null)
        {
            return;
        }

        var end = EndOf(report.About, report.At);
        if (end is null)
        {
            Report(
                FindingKind.LivingReportedDown,
                report.At,
                report.Node,
                $"{report.About} is reported {report.Verdict} but is up");
        }
        else if (end != NodeEndReason.Stopped && report.Verdict == NodeVerdict.Stopped)
        {
            Report(
                FindingKind.WrongReason,
                report.At,
                report.Node,
                $"{report.About} was {end} but is reported {report.Verdict}");
        }
        else if (end == NodeEndReason.Stopped && report.Verdict != NodeVerdict.Stopped)
        {
            Report(
                FindingKind.WrongReason,
                report.At,
                report.Node,
                $"{report.About} sent a leave but is reported {report.Verdict}");
        }
    }

    /// <summary>Returns how a node's last run ended by then, or the run before a restart; null if it is up.</summary>
    private NodeEndReason? EndOf(string node, TimeSpan at)
    {
        // A verdict on the previous run may arrive after the restart; it is tolerated.
        var changes = Node(node).Where(change => change.At <= at).ToList();
        return changes.Count == 0 ? null : changes.LastOrDefault(change => change.How is not null).How;
    }

    private void CompareTheEnd()
    {
        var end = _events.Count == 0 ? TimeSpan.Zero : _events[^1].At;
        foreach (var ((observer, name), topic) in _topics)
        {
            foreach (var shown in topic.Presences.Where(shown => _lives.ContainsKey(shown.Presence)))
            {
                if (IsOver(shown.Presence, end))
                {
                    Report(FindingKind.Ghost, end, observer, $"{shown.Presence} is visible in {name} but has ended");
                }
                else if (shown.Version < _lives[shown.Presence].Version)
                {
                    Report(
                        FindingKind.Stale,
                        end,
                        observer,
                        $"{shown.Presence} is shown with version {shown.Version} of {_lives[shown.Presence].Version}");
                }
            }

            var missing = _lives.Values.Where(life =>
                life.Acknowledged && life.Start.Topic == name && !IsOver(life.Start.Presence, end)
                && topic.Find(life.Start.Presence) is null);
            foreach (var life in missing)
            {
                Report(
                    FindingKind.Loss,
                    end,
                    observer,
                    $"{life.Start.Presence} on {life.Start.Node} is present but not visible in {name}");
            }
        }
    }

    private bool IsOver(string presence, TimeSpan at) =>
        _lives.TryGetValue(presence, out var life) && (life.EndedAt <= at || life.NodeEndedAt <= at);

    private bool IsExcused(TimeSpan at) => _excuses.Any(excuse => excuse.Covers(at));

    private ShownTopic Topic(string observer, string topic) =>
        _topics.TryGetValue((observer, topic), out var shown) ? shown : _topics[(observer, topic)] = new ShownTopic();

    private void Report(FindingKind kind, TimeSpan at, string who, string what) =>
        _findings.Add(new Finding(kind, at, who, what));

    /// <summary>One join and its later events.</summary>
    private sealed class Life(Joining start)
    {
        public Joining Start => start;

        public bool Acknowledged { get; set; }

        public int Version { get; set; }

        public TimeSpan? EndedAt { get; set; }

        public TimeSpan? NodeEndedAt { get; set; }

        public NodeEndReason? NodeEnd { get; set; }

        /// <summary>Returns the leave reasons that match the events so far.</summary>
        public IEnumerable<string> Reasons(TimeSpan at)
        {
            if (EndedAt <= at)
            {
                yield return "Untracked";
                yield return "SessionEnded";
            }

            if (NodeEndedAt <= at)
            {
                yield return NodeEnd == Histories.NodeEndReason.Stopped ? "NodeStopped" : "NodeDown";
            }
        }
    }
}
