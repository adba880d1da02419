namespace Presence.Crdt.Tests.Support;

/// <summary>A value that knows its dot, so that a test sees which one lives.</summary>
internal sealed record Value(ulong Sequence, string Key, string Meta = "");

/// <summary>
/// The one writer of a replica, with the windows it announced, as the tracker writes and cuts them. Beside the real set
/// it keeps a plain model: what lives by key, and which dots are dead.
/// </summary>
internal sealed class Owner(int logCapacity = int.MaxValue)
{
    private readonly Dictionary<string, ulong> _born = [];
    private ReplicaDots<Value> _window = new();
    private ulong _announced;

    public ReplicaDots<Value> State { get; } = new(logCapacity);

    /// <summary>The model: the dot that lives, by key.</summary>
    public SortedDictionary<string, ulong> Model { get; } = new(StringComparer.Ordinal);

    /// <summary>The model: every dot that is over, ticks too.</summary>
    public HashSet<ulong> Dead { get; } = [];

    /// <summary>The model: what each tick removed.</summary>
    public Dictionary<ulong, ulong[]> Ticks { get; } = [];

    public List<ReplicaDots<Value>> Windows { get; } = [];

    /// <summary>The last number used; counted here and not read from the set.</summary>
    public ulong Counter { get; private set; }

    public ReplicaDots<Value> Window => _window;

    public void Join(string key, string meta = "")
    {
        Write(key, meta);
        _born[key] = Counter;
    }

    /// <summary>Ends those of the keys that are there, by one tick; nothing at all if none is.</summary>
    public bool Leave(params string[] keys)
    {
        var there = keys.Where(Model.ContainsKey).Distinct().ToArray();
        if (there.Length == 0)
        {
            return false;
        }

        foreach (var key in there)
        {
            if (_window.TakeUnsent(Model[key], out var last) && _born[key] <= _announced)
            {
                _window.AddFinal(last.Sequence, last);
            }
        }

        Remove([.. there.Select(k => Model[k])]);
        Array.ForEach(there, k => Model.Remove(k));
        return true;
    }

    /// <summary>A tick for the old dot, then the new dot.</summary>
    public void Update(string key, string meta = "")
    {
        var old = Model[key];
        _window.TakeUnsent(old, out _);
        Remove([old]);
        Model.Remove(key);
        Write(key, meta);
    }

    public ReplicaDots<Value> Cut()
    {
        var cut = _window;
        _window = new();
        _announced = Counter;
        Windows.Add(cut);
        return cut;
    }

    public void Live(Step step)
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

    public static Owner Lived(IEnumerable<Step> steps, int logCapacity = int.MaxValue)
    {
        var owner = new Owner(logCapacity);
        foreach (var step in steps)
        {
            owner.Live(step);
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
        Dead.Add(removal.Tick);
        Dead.UnionWith(removed);
        Ticks.Add(removal.Tick, removed);
    }
}
