namespace Presence.TestKit;

/// <summary>The links between the members of a <see cref="SimulatedCluster"/>, each direction by itself.</summary>
/// <remarks>Cutting a link loses what is sent from then on; frames on their way still arrive.</remarks>
public sealed class SimulatedNetwork
{
    private readonly VirtualTime _time;
    private readonly SimulationRandom _random;
    private readonly Dictionary<(string From, string To), LinkConditions> _conditions = [];
    private readonly HashSet<(string From, string To)> _cut = [];

    internal SimulatedNetwork(VirtualTime time, SimulationRandom random, LinkConditions conditions)
    {
        _time = time;
        _random = random;
        Default = conditions;
    }

    /// <summary>Conditions of links that were given none of their own.</summary>
    public LinkConditions Default { get; private set; }

    /// <summary>Frames handed to the network, one per destination.</summary>
    public long Sent { get; private set; }

    /// <summary>Frames lost at random.</summary>
    public long Lost { get; private set; }

    /// <summary>Frames lost because the link was cut.</summary>
    public long Blocked { get; private set; }

    /// <summary>Frames that arrived twice.</summary>
    public long Duplicated { get; private set; }

    /// <summary>Frames held back.</summary>
    public long HeldBack { get; private set; }

    /// <summary>Called after any change of the links.</summary>
    internal Action? Changed { get; set; }

    /// <summary>Sets the conditions of all links that have none of their own.</summary>
    public void SetDefault(LinkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        Default = conditions;
        Changed?.Invoke();
    }

    /// <summary>Sets the conditions in one direction; null for the default ones.</summary>
    public void SetLink(string from, string to, LinkConditions? conditions)
    {
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        if (conditions is null)
        {
            _conditions.Remove((from, to));
        }
        else
        {
            _conditions[(from, to)] = conditions;
        }

        Changed?.Invoke();
    }

    /// <summary>Cuts a link in both directions.</summary>
    public void Cut(string one, string other)
    {
        _cut.Add((one, other));
        _cut.Add((other, one));
        Changed?.Invoke();
    }

    /// <summary>Cuts a link in one direction: what <paramref name="from"/> sends does not arrive.</summary>
    public void CutOneWay(string from, string to)
    {
        _cut.Add((from, to));
        Changed?.Invoke();
    }

    /// <summary>Mends a link in both directions.</summary>
    public void Mend(string one, string other)
    {
        _cut.Remove((one, other));
        _cut.Remove((other, one));
        Changed?.Invoke();
    }

    /// <summary>Cuts every link between the two groups.</summary>
    public void Split(IReadOnlyCollection<string> one, IReadOnlyCollection<string> other)
    {
        ArgumentNullException.ThrowIfNull(one);
        ArgumentNullException.ThrowIfNull(other);
        foreach (var a in one)
        {
            foreach (var b in other)
            {
                _cut.Add((a, b));
                _cut.Add((b, a));
            }
        }

        Changed?.Invoke();
    }

    /// <summary>Mends every link and gives each the conditions <see cref="LinkConditions.Good"/>.</summary>
    public void Heal()
    {
        _cut.Clear();
        _conditions.Clear();
        Default = LinkConditions.Good;
        Changed?.Invoke();
    }

    /// <summary>Whether frames sent now in this direction may arrive.</summary>
    public bool IsOpen(string from, string to) => !_cut.Contains((from, to));

    /// <summary>Conditions in one direction.</summary>
    public LinkConditions Conditions(string from, string to) =>
        _conditions.Count > 0 && _conditions.TryGetValue((from, to), out var own) ? own : Default;

    internal void Send(string from, string to, Action arrive)
    {
        Sent++;
        if (!IsOpen(from, to))
        {
            Blocked++;
            return;
        }

        var link = Conditions(from, to);
        if (_random.Chance(link.Loss))
        {
            Lost++;
            return;
        }

        if (_random.Chance(link.Duplication))
        {
            Duplicated++;
            _time.After(Delay(link) + _random.Between(TimeSpan.Zero, link.HoldBack), arrive);
        }

        var delay = Delay(link);
        if (_random.Chance(link.Reordering))
        {
            HeldBack++;
            delay += _random.Between(TimeSpan.Zero, link.HoldBack);
        }

        _time.After(delay, arrive);
    }

    internal TimeSpan Delay(string from, string to) => Delay(Conditions(from, to));

    private TimeSpan Delay(LinkConditions link) => _random.Between(link.MinDelay, link.MaxDelay);
}
