using System.Globalization;
using Presence.Node;
using Presence.TestKit.Time;

namespace Presence.Tracker.Tests.Simulation.Sessions;

/// <summary>Clients that come, change, lose their links and return to any node, and faults of nodes.</summary>
internal sealed class SessionWorkload
{
    private const int Steps = 150;
    private const double LostReplies = 0.12;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan CloseDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan HalfOpen = TimeSpan.FromMilliseconds(800);

    private readonly SessionHistory _history;
    private readonly SimulationRandom _random;
    private readonly SessionFaults _faults;
    private int _clients;
    private int _values;

    private SessionWorkload(SessionHistory history, SimulationRandom random)
    {
        (_history, _random) = (history, random);
        _faults = new SessionFaults(history, random, node => DisconnectAll(node, detach: false));
    }

    private IEnumerable<SimulatedClient> Clients => _history.Clients.Values;

    /// <summary>Runs one history and returns its violations.</summary>
    public static SessionHistory Run(ulong seed, SessionHistoryOptions options)
    {
        // Continuations run where they are completed, so that a seed always gives the same history.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var history = new SessionHistory(seed, options);
            new SessionWorkload(history, new SimulationRandom(seed * 31)).Run();
            return history;
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private void Run()
    {
        for (var i = 0; i < 4; i++)
        {
            _history.Start($"n{i}");
        }

        _history.Run(Step * 10);
        for (var step = 0; step < Steps && _history.Violations.Count == 0; step++)
        {
            Act();
            Return(now: false);
            _history.Run(Step);
        }

        Settle();
    }

    private void Settle()
    {
        _history.Network.Heal();
        _history.Trace("-- faults end --");
        for (var i = 0; i < 50 && _history.Violations.Count == 0; i++)
        {
            Return(now: false);
            _history.Run(Step);
        }

        foreach (var name in Ended().ToArray())
        {
            _history.Start(name);
        }

        for (var i = 0; i < 30 + (int)(SessionHistory.Grace * 3 / Step) && _history.Violations.Count == 0; i++)
        {
            Return(now: true);
            _history.Run(Step);
        }

        if (_history.Violations.Count == 0)
        {
            _history.CheckAtRest();
        }
    }

    private void Act()
    {
        switch (_random.Below(1000))
        {
            case < 250:
                Open();
                break;
            case < 500 when Clients.Where(c => c.At is not null && !c.IsBusy).ToArray() is { Length: > 0 } connected:
                Operate(_random.Pick(connected));
                break;
            case >= 500 and < 504 when _faults.Victim() is { } victim:
                _faults.Crash(victim);
                break;
            case >= 504 and < 514 when _faults.Victim() is { } victim:
                _history.Trace($"{victim.Name} stops");
                DisconnectAll(victim, detach: false);
                _ = GuardAsync(victim.StopAsync());
                break;
            case >= 514 and < 520 when _faults.Victim() is { } victim:
                _faults.Pause(victim);
                break;
            case >= 520 and < 560 when Ended().FirstOrDefault() is { } ended:
                _history.Start(ended);
                break;
            case >= 560 and < 572 when _history.Options.HasPartitions:
                _faults.Partition();
                break;
            case >= 600 and < 640 when Clients.Where(c => c.Former is not null).ToArray() is { Length: > 0 } former:
                WriteLate(_random.Pick(former));
                break;
            case >= 572 and < 600 when Clients.Where(c => c is { Earlier: not null, At: not null, IsBusy: false })
                .ToArray() is { Length: > 0 } tabs:
                _ = GuardAsync(DuplicateTabAsync(_random.Pick(tabs)));
                break;
        }
    }

    /// <summary>The code of an earlier connection writes: it fails, because the session has moved.</summary>
    private void WriteLate(SimulatedClient client)
    {
        var (session, node) = client.Former!.Value;
        client.Former = null;
        if (!node.IsReady || session.State is not ({ IsMoved: true } or { ReleasedTo: not null }))
        {
            return;
        }

        try
        {
            node.Track(session, "t0", client.Key + "late", PresenceMeta.Empty);
            _history.Violate($"{node.Name} reported success to a former connection of {client.Key}");
        }
        catch (SessionMovedException)
        {
            // As it should be.
        }
    }

    private IEnumerable<string> Ended() =>
        Enumerable.Range(0, 4).Select(i => $"n{i}").Where(name => _history.Find(name) is null);

    private SessionNode? Ready()
    {
        var ready = _history.Nodes.Where(n => n.IsReady).ToArray();
        return ready.Length == 0 ? null : _random.Pick(ready);
    }

    private PresenceMeta Meta() =>
        PresenceMeta.Parse(string.Create(CultureInfo.InvariantCulture, $$"""{"v":{{++_values}}}"""));

    private PresenceSessionOptions OptionsOf(SimulatedClient client) => new()
    {
        Grace = SessionHistory.Grace,
        OnEnded = (session, reason) => OnEnded(client, session, reason),
    };

    private void Open()
    {
        var node = Ready()!;
        var client = new SimulatedClient($"c{_clients++}");
        _history.Clients.Add(client.Key, client);
        var session = node.Sessions.Open(OptionsOf(client));
        _history.Trace($"{client.Key} opens at {node.Name}");
        foreach (var topic in Enumerable.Range(0, SessionHistory.Topics).Select(t => $"t{t}"))
        {
            client.Wanted[topic] = Meta();
            node.Track(session, topic, client.Key, client.Wanted[topic]);
        }

        Connect(client, node, session);
    }

    private void Connect(SimulatedClient client, SessionNode node, PresenceSession session)
    {
        client.ConnectedAt = _history.Time.Now;
        client.At = node;
        client.Session = session;
        client.Token = session.Token!;
    }

    private void Operate(SimulatedClient client)
    {
        var (node, session) = (client.At!, client.Session!);
        session.Confirm();
        try
        {
            switch (_random.Below(100))
            {
                case < 45 when client.Wanted.Count > 0:
                    var topic = _random.Pick(client.Wanted.Keys.Order().ToArray());
                    client.Wanted[topic] = Meta();
                    _history.Trace($"{client.Key} updates {topic}");
                    node.Update(session, topic, client.Key, client.Wanted[topic]);
                    break;
                case < 55 when client.Wanted.Count > 1:
                    var dropped = _random.Pick(client.Wanted.Keys.Order().ToArray());
                    client.Wanted.Remove(dropped);
                    client.Untracked.Add(dropped);
                    _history.Trace($"{client.Key} untracks {dropped}");
                    node.Untrack(session, dropped, client.Key);
                    break;
                case < 65:
                    _history.Trace($"{client.Key} leaves");
                    client.IsExcused = true;
                    _history.Clients.Remove(client.Key);
                    session.End();
                    break;
                default:
                    Disconnect(client, detach: true);
                    break;
            }
        }
        catch (Exception e) when (e is SessionMovedException or NotTrackedException)
        {
            // It was superseded a moment ago, and is told so.
            Check(client, $"{client.Key} is connected to {node.Name}, which has lost the session: {e.Message}");
        }
    }

    private void Disconnect(SimulatedClient client, bool detach)
    {
        _history.Trace($"{client} disconnects");
        var session = client.Session!;
        var node = client.At!;
        client.Former = (session, node);
        client.At = null;
        client.AwaySince = _history.Time.Now;
        client.BackAt = _history.Time.Now + (_random.Chance(0.8)
            ? _random.Between(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(600))
            : _random.Between(TimeSpan.FromSeconds(1), SessionHistory.Grace - TimeSpan.FromMilliseconds(1700)));
        if (detach && _random.Chance(0.7))
        {
            session.Detach();
        }
        else
        {
            _history.Time.After(HalfOpen, () => node.Accept(session.Detach));
        }
    }

    private void DisconnectAll(SessionNode node, bool detach)
    {
        foreach (var client in Clients.Where(c => c.At == node).ToArray())
        {
            Disconnect(client, detach);
        }
    }

    private void Return(bool now)
    {
        foreach (var client in Clients.ToArray())
        {
            if (client.IsOver)
            {
                _history.Clients.Remove(client.Key);
            }
            else if (client.Resuming is { IsReady: false })
            {
                // The connection breaks, or nothing answers: the client gives up and comes to another node. The node
                // learns of it, as soon as it is no longer suspended.
                var (node, resume) = (client.Resuming, client.Resume!);
                _history.Time.After(CloseDelay, () => node.Accept(resume.Cancel));
                client.Resuming = null;
            }
            else if (client.At is { IsAlive: false })
            {
                Disconnect(client, detach: false);
            }
            else if (client.At is not null && !client.At.IsPaused)
            {
                client.Session!.Confirm();
            }
            else if (client is { At: null, IsBusy: false } && (now || _history.Time.Now >= client.BackAt)
                && Ready() is { } node)
            {
                _ = GuardAsync(ResumeAsync(client, node));
            }
        }
    }

    private async Task ResumeAsync(SimulatedClient client, SessionNode node)
    {
        client.Resuming = node;
        client.Resume = new CancellationTokenSource();
        var attempt = ++client.Attempts;
        _history.Trace($"{client} resumes at {node.Name}");
        ResumeResult result;
        try
        {
            result = await node.Sessions.ResumeAsync(client.Token, OptionsOf(client), client.Resume.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            _history.Trace($"{client.Key} at {node.Name}: given up");
            client.Resuming = IsGivenUp() ? client.Resuming : null;
            return;
        }

        var isGivenUp = IsGivenUp();
        client.Resuming = isGivenUp ? client.Resuming : null;
        _history.Trace($"{client.Key} at {node.Name}: {result.Outcome} {result.Failure}");
        var session = result.Session;
        _history.Rules.OnResumed(client, node, result);
        if (isGivenUp)
        {
            _history.Time.After(HalfOpen, () => node.Accept(session.Detach));
            return;
        }

        if (!result.IsResumed)
        {
            var away = _history.Time.Now - client.AwaySince;
            if (away < SessionHistory.Grace - TimeSpan.FromMilliseconds(300))
            {
                Check(client, $"false {result.Failure} of {client}, away for {away.TotalMilliseconds:F0} ms");
            }

            client.Abandon();
            session.End();
            return;
        }

        try
        {
            foreach (var (topic, meta) in client.Wanted.ToArray())
            {
                node.Track(session, topic, client.Key, meta);
            }

            await session.CompleteResumeAsync().ConfigureAwait(false);
        }
        catch (SessionMovedException)
        {
            client.BackAt = _history.Time.Now + Step;
            return;
        }

        if (!node.IsReady || _random.Chance(LostReplies))
        {
            _history.Trace($"{client.Key}: the reply of {node.Name} is lost");
            _faults.AfterLostReply(node);
            client.AwaySince = _history.Time.Now;
            client.BackAt = _history.Time.Now + _random.Between(TimeSpan.Zero, Step * 5);
            _history.Time.After(HalfOpen, () => node.Accept(session.Detach));
            return;
        }

        client.Earlier = IsBefore(client.Token, session) ? client.Token : client.Earlier;
        Connect(client, node, session);

        bool IsGivenUp() => client.Attempts != attempt || client.Resuming is null;
    }

    private static bool IsBefore(ResumeToken token, PresenceSession session) =>
        session.Token!.IsAfter(token.Generation, token.Attachment);

    /// <summary>
    /// A second tab of a client comes with the token that it had before, and not at the same moment: it must not take
    /// the session.
    /// </summary>
    private async Task DuplicateTabAsync(SimulatedClient client)
    {
        if (Ready() is not { } node)
        {
            return;
        }

        client.Session!.Confirm();
        var (owner, before) = (client.At!, client.Session);
        if (!owner.IsReady || _history.Time.Now - client.ConnectedAt < Step * 10
            || !IsBefore(client.Earlier!, before))
        {
            return;
        }

        _history.Trace($"a duplicated tab of {client.Key} at {node.Name}");
        ResumeResult result;
        try
        {
            result = await node.Sessions
                .ResumeAsync(client.Earlier!, new PresenceSessionOptions { Grace = SessionHistory.Grace }, default)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The node stops.
            return;
        }

        var wasThere = client.Session == before && client.At == owner && owner.IsReady && !client.IsBusy;
        if (result.IsResumed && wasThere && !before.IsEnded)
        {
            Check(client, $"a duplicated tab took {client}");
        }

        client.IsExcused |= result.IsResumed;
        if (node.IsAlive)
        {
            result.Session.End();
        }
    }

    private void OnEnded(SimulatedClient client, PresenceSession session, LeaveReason reason)
    {
        _history.Trace($"{client.Key} is told {reason}");
        if (client.Session == session && client.At is not null)
        {
            Check(client, $"attached {client} is told {reason}");
            client.Abandon();
        }
    }

    private void Check(SimulatedClient client, string what)
    {
        if (!_history.Options.HasPartitions && !client.IsExcused)
        {
            _history.Violate(what);
        }
    }

    private async Task GuardAsync(Task task)
    {
        try
        {
            await task.ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _history.Violate(e.ToString());
        }
    }
}
