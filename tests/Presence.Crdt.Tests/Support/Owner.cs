namespace Presence.Crdt.Tests.Support;

/// <summary>A value with its dot, so that tests see which version is live.</summary>
internal sealed record Value(ulong Sequence, string Key, string Meta = "");

/// <summary>
/// The writer of a replica and its announced windows, which it writes and cuts as the tracker does. It also has a plain
/// model: the live dots by key, and the removed dots.
/// </summary>
internal sealed class Owner(int logCapacity = int.MaxValue)
{
    private readonly Dictionary<string, ulong> _firstDots = [];
    private ReplicaState<Value> _window = new();
    private ulong _announced;

    public ReplicaState<Value> State { get; } = new(logCapacity);

    /// <summary>Gets the live dot of each key.</summary>
    public SortedDictionary<string, ulong> Model { get; } = new(StringComparer.Ordinal);

    /// <summary>Gets all removed dots, including ticks.</summary>
    public HashSet<ulong> RemovedDots { get; } = [];

    /// <summary>Gets the dots that each tick removed.</summary>
    public Dictionary<ulong, ulong[]> Ticks { get; } = [];

    public List<ReplicaState<Value>> Windows { get; } = [];

    /// <summary>Gets the last used number, counted independently of the set.</summary>
    public ulong Counter { get; private set; }

    public ReplicaState<Value> Window => _window;

    public void Join(string key, string meta = "")
    {
        Write(key, meta);
        _firstDots[key] = Counter;
    }

    /// <summary>Ends the existing ones of the keys by one tick; does nothing if none exists.</summary>
    public bool Leave(params string[] keys)
    {
        var existing = keys.Where(Model.ContainsKey).Distinct().ToArray();
        if (existing.Length == 0)
        {
            return false;
        }

        foreach (var key in existing)
        {
            if (_window.RemoveUnsent(Model[key], out var last) && _firstDots[key] <= _announced)
            {
                _window.AddFinal(last.Sequence, last);
            }
        }

        Remove([.. existing.Select(k => Model[k])]);
        Array.ForEach(existing, k => Model.Remove(k));
        return true;
    }

    /// <summary>Adds a tick for the old dot, then the new dot.</summary>
    public void Update(string key, string meta = "")
    {
        var old = Model[key];
        _window.RemoveUnsent(old, out _);
        Remove([old]);
        Model.Remove(key);
        Write(key, meta);
    }

    public ReplicaState<Value> Cut()
    {
        var cut = _window;
        _window = new();
        _announced = Counter;
        Windows.Add(cut);
        return cut;
    }

    public void Apply(Step step)
    {
        var key = $"k{step.Key}";
        switch (step.Kind)
        {
            case 'j' when !Model.ContainsKey(key):
                Join(key);
                break;
            case 'u' when Model.ContainsKey(key):
                Update(key);
                break;
            case 'l':
                Leave([.. Enumerable.Range(step.Key, step.Width).Select(n => $"k{n}")]);
                break;
            case 'c' when !_window.IsEmpty:
                Cut();
                break;
        }
    }

    public static Owner From(IEnumerable<Step> steps, int logCapacity = int.MaxValue)
    {
        var owner = new Owner(logCapacity);
        foreach (var step in steps)
        {
            owner.Apply(step);
        }

        owner.Cut();
        return owner;
    }

    private void Write(string key, string meta)
    {
        var value = new Value(++Counter, key, meta);
        State.Add(value.Sequence, value);
        _window.Add(value.Sequence, value);
        Model.Add(key, value.Sequence);
    }

    private void Remove(ulong[] removed)
    {
        var removal = new Removal(++Counter, 1, removed);
        State.Remove(removal);
        _window.Remove(removal);
        RemovedDots.Add(removal.Tick);
        RemovedDots.UnionWith(removed);
        Ticks.Add(removal.Tick, removed);
    }
}
