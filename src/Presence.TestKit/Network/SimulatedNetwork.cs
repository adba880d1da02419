using Presence.TestKit.Time;

namespace Presence.TestKit;

/// <summary>The links between the nodes of a <see cref="SimulatedCluster"/>, separate for each direction.</summary>
/// <remarks>A cut link loses frames sent from then on; frames in flight still arrive.</remarks>
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

    /// <summary>Gets the conditions of links without specific ones.</summary>
    public LinkConditions Default { get; private set; }

    /// <summary>Gets the number of frames sent, one per destination.</summary>
    public long Sent { get; private set; }

    /// <summary>Gets the number of frames lost at random.</summary>
    public long LostFrames { get; private set; }

    /// <summary>Gets the number of frames lost on cut links.</summary>
    public long Blocked { get; private set; }

    /// <summary>Gets the number of duplicated frames.</summary>
    public long Duplicated { get; private set; }

    /// <summary>Gets the number of frames with an extra delay.</summary>
    public long HeldBack { get; private set; }

    /// <summary>Gets or sets the callback after any change of the links.</summary>
    internal Action? Changed { get; set; }

    /// <summary>Sets the conditions of all links without specific ones.</summary>
    public void SetDefault(LinkConditions conditions)
    {
        ArgumentNullException.ThrowIfNull(conditions);
        Default = conditions;
        Changed?.Invoke();
    }

    /// <summary>Sets the conditions of one direction; null for the default.</summary>
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

    /// <summary>Restores a link in both directions.</summary>
    public void Restore(string one, string other)
    {
        _cut.Remove((one, other));
        _cut.Remove((other, one));
        Changed?.Invoke();
    }

    /// <summary>Cuts all links between two groups.</summary>
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

    /// <summary>Restores every link and sets the conditions <see cref="LinkConditions.Good"/>.</summary>
    public void Heal()
    {
        _cut.Clear();
        _conditions.Clear();
        Default = LinkConditions.Good;
        Changed?.Invoke();
    }

    /// <summary>Returns whether this direction is not cut.</summary>
    public bool IsOpen(string from, string to) => !_cut.Contains((from, to));

    /// <summary>Returns the conditions of one direction.</summary>
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

        var transport = Conditions(from, to);
        if (_random.Chance(transport.Loss))
        {
            LostFrames++;
            return;
        }

        if (_random.Chance(transport.Duplication))
        {
            Duplicated++;
            _time.After(Delay(transport) + _random.Between(TimeSpan.Zero, transport.QueueDelay), arrive);
        }

        var delay = Delay(transport);
        if (_random.Chance(transport.Reordering))
        {
            HeldBack++;
            delay += _random.Between(TimeSpan.Zero, transport.QueueDelay);
        }

        _time.After(delay, arrive);
    }

    internal TimeSpan Delay(string from, string to) => Delay(Conditions(from, to));

    private TimeSpan Delay(LinkConditions transport) => _random.Between(transport.MinDelay, transport.MaxDelay);
}
