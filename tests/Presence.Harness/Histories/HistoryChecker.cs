namespace Presence.Harness.Histories;

/// <summary>Reads a history and tells what must not have happened in it.</summary>
/// <remarks>
/// The end of the history counts as settled: wait until everybody has had the time to converge before asking. A join that was
/// never acknowledged may be present or not, until its owner or its member has ended.
/// </remarks>
public sealed class HistoryChecker
{
    private readonly IReadOnlyList<HistoryEvent> _events;
    private readonly IReadOnlyList<Excuse> _excuses;
    private readonly Dictionary<string, Life> _lives = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<(TimeSpan At, MemberEnd? How)>> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Observer, string Topic), ShownTopic> _topics = [];
    private readonly HashSet<(string Observer, string Presence)> _seenLeaving = [];
    private readonly List<Finding> _findings = [];

    private HistoryChecker(IReadOnlyList<HistoryEvent> events, IReadOnlyList<Excuse> excuses) =>
        (_events, _excuses) = (events, excuses);

    /// <param name="excuses">When members may take each other for down.</param>
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
                case MemberStarted m:
                    Member(m.Member).Add((m.At, null));
                    break;
                case MemberEnded m:
                    Member(m.Member).Add((m.At, m.How));
                    break;
            }
        }

        foreach (var life in _lives.Values)
        {
            var end = Member(life.Start.Member).FirstOrDefault(change => change.How is not null && change.At >= life.Start.At);
            (life.MemberEndedAt, life.MemberEnd) = (end.How is null ? null : end.At, end.How);
        }
    }

    private List<(TimeSpan At, MemberEnd? How)> Member(string name) =>
        _members.TryGetValue(name, out var changes) ? changes : _members[name] = [];

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
            case MemberSaid s:
                FollowVerdict(s);
                break;
        }
    }

    private void FollowState(SawState seen)
    {
        var topic = Topic(seen.Observer, seen.Topic);
        foreach (var twice in seen.Everybody.GroupBy(shown => shown.Presence).Where(group => group.Count() > 1))
        {
            Report(FindingKind.DoubleJoin, seen.At, seen.Observer, $"the state has {twice.Key} {twice.Count()} times");
        }

        topic.Replace(seen.Everybody);
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
            Report(FindingKind.DoubleJoin, seen.At, seen.Observer, $"{join.Presence} joined as {join.Ref}, which was shown already");
        }
        else if (!isUpdate && topic.Find(join.Presence) is { } shown)
        {
            Report(FindingKind.DoubleJoin, seen.At, seen.Observer, $"{join.Presence} joined as {join.Ref} beside {shown.Ref}");
        }
        else if (!isUpdate && _seenLeaving.Contains((seen.Observer, join.Presence)) && IsOver(join.Presence, seen.At)
            && seen.Leaves.All(leave => leave.Ref != join.Ref))
        {
            Report(FindingKind.Ghost, seen.At, seen.Observer, $"{join.Presence} joined again after it had ended and left");
        }
    }

    private void FollowLeave(SawDiff seen, ShownTopic topic, Shown leave)
    {
        var joinsHere = seen.Joins.Any(join => join.Ref == leave.Ref);
        if (!topic.Contains(leave.Ref) && !joinsHere)
        {
            Report(FindingKind.LeaveWithoutJoin, seen.At, seen.Observer, $"{leave.Presence} left as {leave.Ref}, which was not shown");
            return;
        }

        if (seen.Joins.Any(join => join.Presence == leave.Presence && join.Ref != leave.Ref))
        {
            // An update shows as both.
            return;
        }

        _seenLeaving.Add((seen.Observer, leave.Presence));
        if (!_lives.TryGetValue(leave.Presence, out var life))
        {
            return;
        }

        if (!IsOver(leave.Presence, seen.At))
        {
            // Whoever is on a member that is over, but does not know it yet, is shown that the others went.
            if (!IsExcused(seen.At) && !IsOver(seen.Observer, seen.At))
            {
                Report(FindingKind.FalseLeave, seen.At, seen.Observer, $"{leave.Presence} on {life.Start.Member} left and lives");
            }
        }
        else if (leave.Reason is { } reason && !life.Reasons(seen.At).Contains(reason))
        {
            Report(
                FindingKind.WrongReason,
                seen.At,
                seen.Observer,
                $"{leave.Presence} left by {reason} instead of {string.Join(" or ", life.Reasons(seen.At))}");
        }
    }

    private void FollowVerdict(MemberSaid said)
    {
        if (said.Verdict is not (MemberVerdict.Down or MemberVerdict.PermDown or MemberVerdict.Stopped or MemberVerdict.Dead)
            || IsExcused(said.At)
            || EndOf(said.Member, said.At) is not null)
        {
            return;
        }

        var end = EndOf(said.About, said.At);
        if (end is null)
        {
            Report(FindingKind.LivingReportedDown, said.At, said.Member, $"{said.About} is {said.Verdict}, it says, and lives");
        }
        else if (end != MemberEnd.Stopped && said.Verdict == MemberVerdict.Stopped)
        {
            Report(FindingKind.WrongReason, said.At, said.Member, $"{said.About} was {end} and is called {said.Verdict}");
        }
        else if (end == MemberEnd.Stopped && said.Verdict != MemberVerdict.Stopped)
        {
            Report(FindingKind.WrongReason, said.At, said.Member, $"{said.About} said farewell and is called {said.Verdict}");
        }
    }

    /// <summary>How the last life of a member that had begun by then ended by then, or the one before a new start; null if it lives.</summary>
    private MemberEnd? EndOf(string member, TimeSpan at)
    {
        // A verdict on the life before may come after the next has begun; members with a past are given that much.
        var changes = Member(member).Where(change => change.At <= at).ToList();
        return changes.Count == 0 ? null : changes.LastOrDefault(change => change.How is not null).How;
    }

    private void CompareTheEnd()
    {
        var end = _events.Count == 0 ? TimeSpan.Zero : _events[^1].At;
        foreach (var ((observer, name), topic) in _topics)
        {
            foreach (var shown in topic.Everybody.Where(shown => _lives.ContainsKey(shown.Presence)))
            {
                if (IsOver(shown.Presence, end))
                {
                    Report(FindingKind.Ghost, end, observer, $"{shown.Presence} is shown in {name} and has ended");
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
                Report(FindingKind.Loss, end, observer, $"{life.Start.Presence} on {life.Start.Member} is present and not shown in {name}");
            }
        }
    }

    private bool IsOver(string presence, TimeSpan at) =>
        _lives.TryGetValue(presence, out var life) && (life.EndedAt <= at || life.MemberEndedAt <= at);

    private bool IsExcused(TimeSpan at) => _excuses.Any(excuse => excuse.Covers(at));

    private ShownTopic Topic(string observer, string topic) =>
        _topics.TryGetValue((observer, topic), out var shown) ? shown : _topics[(observer, topic)] = new ShownTopic();

    private void Report(FindingKind kind, TimeSpan at, string who, string what) => _findings.Add(new Finding(kind, at, who, what));

    /// <summary>One join and what became of it.</summary>
    private sealed class Life(Joining start)
    {
        public Joining Start => start;

        public bool Acknowledged { get; set; }

        public int Version { get; set; }

        public TimeSpan? EndedAt { get; set; }

        public TimeSpan? MemberEndedAt { get; set; }

        public MemberEnd? MemberEnd { get; set; }

        /// <summary>The reasons that fit what has happened by then.</summary>
        public IEnumerable<string> Reasons(TimeSpan at)
        {
            if (EndedAt <= at)
            {
                yield return "Untracked";
                yield return "ProcessEnded";
            }

            if (MemberEndedAt <= at)
            {
                yield return MemberEnd == Histories.MemberEnd.Stopped ? "NodeStopped" : "NodeDown";
            }
        }
    }
}
