using System.Globalization;

namespace Presence.Node.Tests.Unique;

/// <summary>Some participants, what each has heard of the others, and a seeded order in which the news arrives.</summary>
internal sealed class ClaimModel
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly Random _random;
    private readonly List<Member> _members = [];
    private TimeSpan _now;

    public ClaimModel(int members, int seed)
    {
        _random = new Random(seed);
        for (var i = 0; i < members; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"n{i}");
            _members.Add(new Member(name, new ClaimMachine("p", name, "0", new UniqueProcessOptions(), default)));
        }

        foreach (var to in _members)
        {
            foreach (var from in _members.Where(m => m != to))
            {
                to.Heard[from.Name] = from.Machine.Own;
            }
        }
    }

    public bool IsSynced { get; set; } = true;

    public int Starts { get; private set; }

    public int Conflicts { get; private set; }

    public int Sides => _members.Where(m => !m.IsCrashed).Select(m => m.Side).Distinct().Count();

    public int Draw(int below) => _random.Next(below);

    public IReadOnlyList<string> Runners() =>
        _members.Where(m => !m.IsCrashed && m.Machine.Own.State == ClaimState.Run).Select(m => m.Name).ToArray();

    public byte[]? InheritedBy(string name) => Find(name).Machine.Inherited;

    public bool Leave(string name, byte[] state)
    {
        var member = Find(name);
        return member.Machine.Leave([.. member.Heard.Values], state);
    }

    public void StandBy(string name, TimeSpan pause) => Find(name).Machine.StandBy(_now, pause);

    public void Crash(string name)
    {
        Find(name).IsCrashed = true;
        foreach (var member in _members)
        {
            Lose(member, name);
        }
    }

    public void Split(Func<string, bool> isHere)
    {
        foreach (var member in _members)
        {
            member.Side = isHere(member.Name) ? 0 : 1;
        }

        foreach (var (to, from) in Pairs().Where(p => p.To.Side != p.From.Side))
        {
            Lose(to, from.Name);
        }
    }

    public void Heal() => _members.ForEach(m => m.Side = 0);

    public void Run(TimeSpan span)
    {
        for (var end = _now + span; _now < end; _now += Step)
        {
            foreach (var (to, from) in Pairs().Where(p => p.To.Side == p.From.Side && _random.Next(4) == 0))
            {
                to.Heard[from.Name] = from.Machine.Own;
            }

            foreach (var member in _members.Where(m => !m.IsCrashed))
            {
                var outcome = member.Machine.Step(_now, 0, [.. member.Heard.Values], IsSynced);
                Starts += outcome == ClaimOutcome.Start ? 1 : 0;
                if (outcome == ClaimOutcome.Conflict)
                {
                    Conflicts++;
                    member.Machine.StandBy(_now, TimeSpan.Zero);
                }
            }
        }
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Starts} starts, {Conflicts} conflicts; {string.Join(", ", _members.Select(m => $"{m.Name}({m.Side}) {m.Machine.Own.State}/{m.Machine.Own.Term}"))}");

    private Member Find(string name) => _members.Single(m => m.Name == name);

    private IEnumerable<(Member To, Member From)> Pairs() =>
        from to in _members from @from in _members where to != @from && !to.IsCrashed && !@from.IsCrashed select (to, @from);

    private void Lose(Member member, string name)
    {
        if (member.Heard.Remove(name, out var claim) && claim.Contends)
        {
            member.Machine.HolderLost(_now);
        }
    }

    private sealed class Member(string name, ClaimMachine machine)
    {
        public string Name => name;

        public ClaimMachine Machine => machine;

        public Dictionary<string, Claim> Heard { get; } = [];

        public int Side { get; set; }

        public bool IsCrashed { get; set; }
    }
}
