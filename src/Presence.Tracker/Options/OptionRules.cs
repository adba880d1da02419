using System.Runtime.CompilerServices;

namespace Presence.Tracker.Options;

/// <summary>Checks the options of one section.</summary>
/// <param name="Where">The prefix of option names: the section and its last colon.</param>
internal readonly record struct OptionRules(string Where)
{
    /// <summary>
    /// Gets the longest duration that is waited for. Timers accept 49.7 days and fail beyond, some of them 24.8 days.
    /// </summary>
    public static TimeSpan MaxWait { get; } = TimeSpan.FromDays(24);

    /// <exception cref="ArgumentException">The rule does not hold.</exception>
    public void Require(
        bool holds, object? value, string rule, [CallerArgumentExpression(nameof(value))] string option = "")
    {
        if (!holds)
        {
            throw new ArgumentException($"{Where}{option} is {value}: it {rule}.");
        }
    }

    /// <summary>Checks a duration that is waited for: its own rule, and <see cref="MaxWait"/>.</summary>
    /// <exception cref="ArgumentException">A rule does not hold.</exception>
    public void RequireWait(
        bool holds, TimeSpan? value, string rule, [CallerArgumentExpression(nameof(value))] string option = "")
    {
        Require(holds, value, rule, option);
        Require(!(value > MaxWait), value, "must be at most 24 days", option);
    }
}
