using System.Globalization;

namespace Presence.Silo;

/// <summary>
/// The items of a cart, so that tabs on different members that change it at the same moment end with the same cart: for
/// each item the latest word on whether it is in counts, and merging in any order, and twice, gives the same.
/// </summary>
internal sealed class Cart
{
    private readonly SortedDictionary<int, Word> _words;

    private Cart(SortedDictionary<int, Word> words) => _words = words;

    public static Cart Empty { get; } = new([]);

    /// <summary>Ids of what is in it, in order.</summary>
    public IReadOnlyList<int> Items => [.. _words.Where(pair => pair.Value.In).Select(pair => pair.Key)];

    public bool Contains(int item) => _words.TryGetValue(item, out var word) && word.In;

    /// <param name="item">Which item.</param>
    /// <param name="isIn">Whether it is in from now on.</param>
    /// <param name="speaker">Tells two changes of the same moment apart; any number of the one who makes it.</param>
    public Cart With(int item, bool isIn, uint speaker)
    {
        var latest = _words.Count == 0 ? 0 : _words.Values.Max(word => word.Time);
        return new Cart(new(_words) { [item] = new Word(latest + 1, speaker, isIn) });
    }

    public Cart Merge(Cart other)
    {
        var words = new SortedDictionary<int, Word>(_words);
        foreach (var (item, word) in other._words)
        {
            if (!words.TryGetValue(item, out var mine) || word.CompareTo(mine) > 0)
            {
                words[item] = word;
            }
        }

        return new Cart(words);
    }

    public bool Equals(Cart other) => _words.SequenceEqual(other._words);

    /// <summary>For other members and for the browser to keep: <c>item:time:speaker:in</c>, separated by commas.</summary>
    public override string ToString() => string.Join(',', _words.Select(pair => string.Create(
        CultureInfo.InvariantCulture,
        $"{pair.Key}:{pair.Value.Time}:{pair.Value.Speaker}:{(pair.Value.In ? 1 : 0)}")));

    /// <summary>Reads what <see cref="ToString"/> wrote; items that are not sold any more are left out.</summary>
    /// <exception cref="FormatException">Somebody else wrote it.</exception>
    public static Cart Parse(string text)
    {
        var words = new SortedDictionary<int, Word>();
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
                words[item] = new Word(
                    long.Parse(fields[1], CultureInfo.InvariantCulture),
                    uint.Parse(fields[2], CultureInfo.InvariantCulture),
                    fields[3] == "1");
            }
        }

        return new Cart(words);
    }

    private readonly record struct Word(long Time, uint Speaker, bool In) : IComparable<Word>
    {
        public int CompareTo(Word other) => (Time, Speaker, In).CompareTo((other.Time, other.Speaker, other.In));
    }
}
