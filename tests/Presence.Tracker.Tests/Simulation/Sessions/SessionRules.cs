using Presence.Node;
using Presence.Node.Sessions;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>
/// Rules of single steps, which are broken more often than a client notices: they are checked in every history,
/// whatever its network and clients do.
/// </summary>
internal sealed class SessionRules(SessionHistory history)
{
    private readonly Dictionary<(string Node, string From, ulong Number), (SessionId, ReplicaId? ReleasedTo)> _asked =
        [];
    private readonly Dictionary<(ReplicaId Node, SessionId Session), uint> _reserved = [];
    private readonly HashSet<(string Heir, SessionId Session)> _received = [];

    /// <summary>Records what a node knows when a frame arrives.</summary>
    public void OnArrived(SessionNode node, string from, SessionFrame frame)
    {
        switch (frame)
        {
            case SessionRequest request:
                var releasedTo = node.Sessions.Find(request.Session)?.ReleasedTo;
                releasedTo = releasedTo?.Node == from ? null : releasedTo;
                _asked[(node.Name, from, request.Number)] = (request.Session, releasedTo);
                break;
            case HandOverFrame handOver:
                _received.UnionWith(handOver.Sessions.Select(s => (node.Name, s.Stamp.Session)));
                break;
        }
    }

    /// <summary>
    /// Checks an answer: what was released is sent on, and the next number is reserved. Checks a hand-over: what was
    /// released is not handed over.
    /// </summary>
    public void OnSent(SessionNode node, string to, SessionFrame frame)
    {
        foreach (var handed in (frame as HandOverFrame)?.Sessions ?? [])
        {
            if (node.Sessions.Find(handed.Stamp.Session)?.ReleasedTo is { } owner)
            {
                history.Violate($"{node.Name} hands {handed.Stamp.Session} over, which it has released to {owner}");
            }
        }

        if (frame is not SessionResponse { Kind: ResponseKind.Released } released
            || !_asked.Remove((node.Name, to, frame.Number), out var asked))
        {
            return;
        }

        var (session, before) = asked;
        if (before is { } other)
        {
            history.Violate($"{node.Name} releases {session} to {to}, after it was released to {other}");
        }

        _reserved[(node.Self, session)] = released.Known + 1;
    }

    /// <summary>Checks the number of a resumed session, and that it has its presences.</summary>
    public void OnResumed(SimulatedClient client, SessionNode node, ResumeResult result)
    {
        if (result.Outcome != ResumeOutcome.Resumed)
        {
            return;
        }

        var resumes = result.Session.State!.Generation.Resumes;
        if (resumes <= client.Token.Generation.Resumes)
        {
            history.Violate($"{node.Name} resumes {client} as generation {resumes}");
        }

        var session = client.Token.Session;
        if (_reserved.TryGetValue((node.Self, session), out var reserved) && resumes <= reserved)
        {
            history.Violate($"{node.Name} writes generation {resumes} of {client}, which it had reserved");
        }

        if (result.Presences.Count == 0)
        {
            history.Violate($"{node.Name} has resumed {client} without its presences");
        }
    }

    /// <summary>Checks that a stopped node has handed over nothing that did not arrive.</summary>
    public void OnStopped(IEnumerable<SessionState> sessions)
    {
        foreach (var state in sessions)
        {
            if (state.HandedTo is (var heir, _) && !_received.Contains((heir.Node, state.Session)))
            {
                history.Violate($"{state.Session} counts as handed over to {heir}, which has not received it");
            }
        }
    }

    /// <summary>Checks that a replica that is down ends no session with a client.</summary>
    public void Sighted(SessionNode node, SessionSighting sighting)
    {
        var before = node.Sessions.Find(sighting.Stamp.Session);
        var wasAttached = before is { IsAttached: true };
        node.Sessions.OnSighted(sighting);
        if (sighting.IsDown && wasAttached && before!.IsMoved)
        {
            history.Violate($"{sighting.Owner}, which is down, has ended {before.Session} at {node.Name}");
        }
    }

    /// <summary>Checks that a node that was suspended ends nothing before it has read what has arrived.</summary>
    public void OnWoken(SessionNode node, IEnumerable<SessionState> overdue)
    {
        foreach (var state in overdue.Where(s => s.Root is { IsEnded: true, EndReason: LeaveReason.GraceExpired }))
        {
            history.Violate($"{node.Name} ends {state.Session} at once after a suspension");
        }
    }
}
