using System.Globalization;

namespace Presence.Samples.Shop;

/// <summary>
/// The items of a cart as a last-writer-wins map: for each item the latest change counts. Merging is commutative and
/// idempotent, so tabs on different nodes that change a cart at the same time end with the same cart.
/// </summary>
internal sealed class Cart
{
    private readonly SortedDictionary<int, ItemState> _states;

    private Cart(SortedDictionary<int, ItemState> states) => _states = states;

    public static Cart Empty { get; } = new([]);

    /// <summary>Gets the ids of the items that are in the cart, in order.</summary>
    public IReadOnlyList<int> Items => [.. _states.Where(pair => pair.Value.In).Select(pair => pair.Key)];

    public bool Contains(int item) => _states.TryGetValue(item, out var state) && state.In;

    /// <summary>Returns the cart with one item changed; <paramref name="writer"/> orders concurrent changes.</summary>
    public Cart With(int item, bool isIn, uint writer)
    {
        var latest = _states.Count == 0 ? 0 : _states.Values.Max(state => state.Time);
        return new Cart(new(_states) { [item] = new ItemState(latest + 1, writer, isIn) });
    }

    public Cart Merge(Cart other)
    {
        var states = new SortedDictionary<int, ItemState>(_states);
        foreach (var (item, state) in other._states)
        {
            if (!states.TryGetValue(item, out var known) || state.CompareTo(known) > 0)
            {
                states[item] = state;
            }
        }

        return new Cart(states);
    }

    public bool Equals(Cart other) => _states.SequenceEqual(other._states);

    /// <summary>
    /// Returns the text for other nodes and the browser: <c>item:time:writer:in</c>, separated by commas.
    /// </summary>
    public override string ToString() => string.Join(',', _states.Select(pair => string.Create(
        CultureInfo.InvariantCulture,
        $"{pair.Key}:{pair.Value.Time}:{pair.Value.Writer}:{(pair.Value.In ? 1 : 0)}")));

    /// <summary>Parses the text of <see cref="ToString"/>; items that are no longer sold are omitted.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static Cart Parse(string text)
    {
        var states = new SortedDictionary<int, ItemState>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var fields = part.Split(':');
            if (fields.Length != 4)
            {
                throw new FormatException($"'{part}' is no item of a cart.");
            }

            var item = int.Parse(fields[0], CultureInfo.InvariantCulture);
            if (Catalogue.FindItem(item) is not null)
            {
                states[item] = new ItemState(
                    long.Parse(fields[1], CultureInfo.InvariantCulture),
                    uint.Parse(fields[2], CultureInfo.InvariantCulture),
                    fields[3] == "1");
            }
        }

        return new Cart(states);
    }

    private readonly record struct ItemState(long Time, uint Writer, bool In) : IComparable<ItemState>
    {
        public int CompareTo(ItemState other) => (Time, Writer, In).CompareTo((other.Time, other.Writer, other.In));
    }
}
