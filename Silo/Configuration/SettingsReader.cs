using System.Globalization;

namespace Presence.Silo;

/// <summary>
/// Reads one section strictly: a value that cannot be read and a name that does not exist stop the start with a message
/// that names the option, the value and the rule.
/// </summary>
internal sealed class SettingsReader(IConfigurationSection section)
{
    private static readonly (string Unit, double Milliseconds)[] Units =
        [("ms", 1), ("min", 60_000), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

    private readonly SortedSet<string> _known = new(StringComparer.OrdinalIgnoreCase);

    public string? Text(string name)
    {
        _known.Add(name);
        return section[name];
    }

    public void Int(string name, Action<int> set)
    {
        if (Text(name) is { } text)
        {
            set(int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
                ? value
                : throw Bad(name, text, "must be a whole number"));
        }
    }

    public void Duration(string name, Action<TimeSpan> set)
    {
        if (Text(name) is { } text)
        {
            set(TryDuration(text, out var value)
                ? value
                : throw Bad(name, text, "must be a duration such as 1500ms, 20s, 20min or 00:00:01.500"));
        }
    }

    /// <summary>Entries <c>Name:0</c>, <c>Name:1</c> and so on, or one text with commas.</summary>
    public void List(string name, Action<IReadOnlyList<string>> set)
    {
        var entries = section.GetSection(name).GetChildren().Select(c => c.Value ?? "").ToList();
        var text = Text(name);
        if (entries.Count == 0 && text is not null)
        {
            entries = [.. text.Split([',', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        }

        if (entries.Count > 0 || text is not null)
        {
            set(entries);
        }
    }

    public void IntList(string name, Action<IReadOnlyList<int>> set) => List(name, entries => set(
    [
        .. entries.Select(entry => int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Bad(name, string.Join(",", entries), "must be whole numbers, such as 100,1000,10000")),
    ]));

    /// <summary>Says that these names exist and are read elsewhere.</summary>
    public SettingsReader Also(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            _known.Add(name);
        }

        return this;
    }

    /// <summary>Refuses names that nobody has read: a misspelt option would silently keep its default.</summary>
    public void RefuseOthers()
    {
        foreach (var child in section.GetChildren())
        {
            if (!_known.Contains(child.Key))
            {
                throw new SiloStartException(
                    $"{section.Path}:{child.Key} is not an option: known are {string.Join(", ", _known)}.");
            }
        }
    }

    public SiloStartException Bad(string name, string value, string rule) =>
        new($"{section.Path}:{name} is '{value}': it {rule}.");

    private static bool TryDuration(string text, out TimeSpan value)
    {
        text = text.Trim();
        foreach (var (unit, milliseconds) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal))
            {
                value = default;
                if (!double.TryParse(
                    text[..^unit.Length],
                    NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite,
                    CultureInfo.InvariantCulture,
                    out var number) || number * milliseconds > int.MaxValue)
                {
                    return false;
                }

                value = TimeSpan.FromMilliseconds(number * milliseconds);
                return true;
            }
        }

        // A bare number would be read as days, which nobody means.
        return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out value)
            && text.Contains(':', StringComparison.Ordinal);
    }
}
