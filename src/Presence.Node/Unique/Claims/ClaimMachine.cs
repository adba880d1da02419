using Presence.Tracker;

namespace Presence.Node;

/// <summary>What a step of the contest asks of its member.</summary>
internal enum ClaimOutcome
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Run the process.</summary>
    Start,

    /// <summary>Stop it: another runs it and stays.</summary>
    Conflict,
}

/// <summary>Decides, from what the participants say about themselves, what this one says next. Neither waits nor sends.</summary>
/// <remarks>
/// A vacant place is claimed by the standby that comes first in an order all agree on; it starts once everybody it sees has
/// twice named its claim. Among several that run after a split, the one with the older term stays, because moving it costs most.
/// </remarks>
internal sealed class ClaimMachine
{
    /// <summary>How long a standby waits for each of those before it in the order.</summary>
    private static readonly TimeSpan Precedence = TimeSpan.FromSeconds(2);

    private readonly string _name;
    private readonly UniqueProcessOptions _options;
    private TimeSpan _quietUntil;
    private TimeSpan _ableAt;
    private TimeSpan _askedAt;
    private TimeSpan? _vacantSince;

    public ClaimMachine(string name, string node, string by, UniqueProcessOptions options, TimeSpan now)
    {
        _name = name;
        _options = options;
        _quietUntil = now + options.SettleTime;
        Own = new Claim { Node = node, By = by, Mode = UniqueProcessMode.Available, IsAble = true };
    }

    /// <summary>What to say.</summary>
    public Claim Own { get; private set; }

    /// <summary>When to step again if nothing happens before.</summary>
    public TimeSpan NextStep { get; private set; } = TimeSpan.MaxValue;

    /// <summary>What the predecessor left to this one.</summary>
    public byte[]? Inherited { get; private set; }

    /// <summary>Someone who ran was lost, not stopped: the place stays vacant for a while, in case the link only flaps.</summary>
    public void HolderLost(TimeSpan now) => _quietUntil = Later(_quietUntil, now + _options.TakeoverDelay);

    /// <summary>Looks at the others and moves.</summary>
    /// <param name="now">Monotonic time.</param>
    /// <param name="unixMilliseconds">The wall clock, to be shown to people only.</param>
    /// <param name="others">What the other participants say.</param>
    /// <param name="isSynced">Whether this member holds all it knows to exist.</param>
    public ClaimOutcome Step(TimeSpan now, long unixMilliseconds, IReadOnlyList<Claim> others, bool isSynced)
    {
        NextStep = TimeSpan.MaxValue;
        var best = others.Where(o => o.Contends).Min(Order());
        if (Own.State is ClaimState.Run)
        {
            return Defend(best);
        }

        if (Own.State is ClaimState.Claim)
        {
            if (best is null || Order().Compare(Own, best) < 0)
            {
                return Ask(now, unixMilliseconds, others, isSynced);
            }

            Own = Own with { State = ClaimState.Standby, Round = 0 };
        }

        var isAble = now >= _ableAt;
        if (!isAble)
        {
            Due(_ableAt);
        }

        var term = Math.Max(Own.Term, others.Count == 0 ? 0 : others.Max(o => o.Term));
        Own = Own with { IsAble = isAble, Term = term, Saw = best?.Id };
        if (best is not null)
        {
            _vacantSince = null;
            return ClaimOutcome.None;
        }

        if (Own.State is not ClaimState.Standby || !isAble || !IsMyTurn(now, others, isSynced))
        {
            return ClaimOutcome.None;
        }

        Own = Own with { State = ClaimState.Claim, Term = term + 1, Round = 1, Saw = null };
        _askedAt = now;
        return Ask(now, unixMilliseconds, others, isSynced);
    }

    /// <summary>The process has ended and leaves a state to the first in order, if there is one.</summary>
    public bool Leave(IReadOnlyList<Claim> others, byte[] state)
    {
        var heir = others.Where(o => o.State == ClaimState.Standby && o.IsAble).Min(Order());
        if (heir is null)
        {
            return false;
        }

        Own = Own with { State = ClaimState.Leave, Heir = heir.Node, Left = state, IsAble = false, Since = null, Round = 0 };
        return true;
    }

    /// <summary>The process has ended, and what was left is taken or lost: stands by again, not to compete for a while.</summary>
    public void StandBy(TimeSpan now, TimeSpan pause)
    {
        _ableAt = now + pause;
        Own = Own with
        {
            State = ClaimState.Standby,
            Heir = null,
            Left = null,
            Since = null,
            Round = 0,
            IsAble = pause <= TimeSpan.Zero,
        };
        Inherited = null;
    }

    private ClaimOutcome Defend(Claim? best)
    {
        if (best is not { State: ClaimState.Run } || Order().Compare(Own, best) < 0)
        {
            return ClaimOutcome.None;
        }

        Own = Own with { State = ClaimState.Stopping, Saw = best.Id, Since = null, Round = 0 };
        return ClaimOutcome.Conflict;
    }

    private ClaimOutcome Ask(TimeSpan now, long unixMilliseconds, IReadOnlyList<Claim> others, bool isSynced)
    {
        var isLate = now - _askedAt >= _options.AgreementTimeout;
        if (!isLate && !others.All(o => o.Saw == Own.Id))
        {
            Due(_askedAt + _options.AgreementTimeout);
            return ClaimOutcome.None;
        }

        if (Own.Round == 1 && others.Count > 0)
        {
            Own = Own with { Round = 2 };
            _askedAt = now;
            Due(_askedAt + _options.AgreementTimeout);
            return ClaimOutcome.None;
        }

        if (now < _quietUntil || !isSynced)
        {
            Due(Later(_quietUntil, now + TimeSpan.FromMilliseconds(100)));
            return ClaimOutcome.None;
        }

        var heirloom = others.FirstOrDefault(o => o.State == ClaimState.Leave && o.Heir == Own.Node);
        Inherited = heirloom?.Left ?? Inherited;
        Own = Own with { State = ClaimState.Run, Since = unixMilliseconds };
        return ClaimOutcome.Start;
    }

    private bool IsMyTurn(TimeSpan now, IReadOnlyList<Claim> others, bool isSynced)
    {
        if (!isSynced)
        {
            Due(now + TimeSpan.FromMilliseconds(100));
            return false;
        }

        if (others.FirstOrDefault(o => o.State == ClaimState.Leave) is { } leaving)
        {
            Inherited = leaving.Heir == Own.Node ? leaving.Left : null;
            return leaving.Heir == Own.Node;
        }

        _vacantSince ??= now;
        var before = others.Count(o => o.State == ClaimState.Standby && o.IsAble && Order().Compare(o, Own) < 0);
        var turn = Later(_quietUntil, _vacantSince.Value + (Precedence * before));
        if (now >= turn)
        {
            return true;
        }

        Due(turn);
        return false;
    }

    /// <summary>Who runs before who claims, then the older term, then a draw that is the same for all and differs by name.</summary>
    private Comparer<Claim> Order() => Comparer<Claim>.Create((a, b) =>
    {
        var byState = (a.State == ClaimState.Run ? 0 : 1).CompareTo(b.State == ClaimState.Run ? 0 : 1);
        var byTerm = a.Contends && b.Contends ? a.Term.CompareTo(b.Term) : 0;
        var byDraw = Draw(a).CompareTo(Draw(b));
        return byState != 0 ? byState
            : byTerm != 0 ? byTerm
            : byDraw != 0 ? byDraw
            : string.CompareOrdinal(a.Node + '/' + a.By, b.Node + '/' + b.By);
    });

    private ulong Draw(Claim claim) => StableHash.Of($"{_name}\n{claim.Node}");

    private void Due(TimeSpan at) => NextStep = at < NextStep ? at : NextStep;

    private static TimeSpan Later(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
