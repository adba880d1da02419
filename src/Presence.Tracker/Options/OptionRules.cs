using System.Runtime.CompilerServices;

namespace Presence.Tracker;

/// <summary>Checks the options of one section.</summary>
/// <param name="Where">The prefix of option names: the section and its last colon.</param>
internal readonly record struct OptionRules(string Where)
{
    /// <exception cref="ArgumentException">The rule does not hold.</exception>
    public void Require(
        bool holds, object? value, string rule, [CallerArgumentExpression(nameof(value))] string option = "")
    {
        if (!holds)
        {
            throw new ArgumentException($"{Where}{option} is {value}: it {rule}.");
        }
    }
}
