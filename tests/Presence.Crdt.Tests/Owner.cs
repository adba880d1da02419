namespace Presence.Crdt.Tests;

/// <summary>A value that knows its dot, so that a test sees which one lives.</summary>
internal sealed record Value(ulong Sequence, string Key);

/// <summary>The one writer of a replica, with the windows it announced: a plain model beside the real thing.</summary>
internal sealed class Owner(int logCapacity = int.MaxValue)
{
    private ReplicaDots<Value> _window = new();

    public ReplicaDots<Value> State { get; } = new(logCapacity);

    /// <summary>What lives, by key: the model.</summary>
    public SortedDictionary<string, ulong> Model { get; } = new(StringComparer.Ordinal);

    public List<ReplicaDots<Value>> Windows { get; } = [];

    private ulong Next => State.Context.Max + 1;

    public void Join(string key)
    {
        var value = new Value(Next, key);
        State.Add(value.Sequence, value);
        _window.Add(value.Sequence, value);
        Model.Add(key, value.Sequence);
    }

    public void Leave(params string[] keys)
    {
        var removal = new Removal(Next, 1, keys.Select(k => Model[k]).ToArray());
        foreach (var key in keys)
        {
            _window.TakeUnsent(Model[key], out _);
            Model.Remove(key);
        }

        State.Remove(removal);
        _window.Remove(removal);
    }

    public void Update(string key)
    {
        Leave(key);
        Join(key);
    }

    public ReplicaDots<Value> Cut()
    {
        var cut = _window;
        _window = new();
        Windows.Add(cut);
        return cut;
    }

    /// <summary>Random changes, cut into windows at random.</summary>
    public static Owner Lived(Random random, int steps, int logCapacity = int.MaxValue)
    {
        var owner = new Owner(logCapacity);
        for (var step = 0; step < steps; step++)
        {
            var key = $"k{random.Next(12)}";
            switch (random.Next(5))
            {
                case 0 or 1 when !owner.Model.ContainsKey(key):
                    owner.Join(key);
                    break;
                case 2 when owner.Model.ContainsKey(key):
                    owner.Update(key);
                    break;
                case 3 when owner.Model.Count > 2:
                    owner.Leave([.. owner.Model.Keys.Where(_ => random.Next(3) == 0).DefaultIfEmpty(owner.Model.Keys.First())]);
                    break;
                case 4:
                    owner.Cut();
                    break;
            }
        }

        owner.Cut();
        return owner;
    }
}

internal static class Dots
{
    public static string Told(this ReplicaDots<Value> dots) =>
        $"seen {dots.Context} live {string.Join(",", dots.Live.Keys.Order())}";

    public static ReplicaDots<Value> Merged(params ReplicaDots<Value>[] parts)
    {
        var sum = new ReplicaDots<Value>();
        foreach (var part in parts)
        {
            sum.Merge(part);
        }

        return sum;
    }

    public static void Shuffle<T>(this Random random, List<T> items)
    {
        for (var i = items.Count - 1; i > 0; i--)
        {
            var j = random.Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
