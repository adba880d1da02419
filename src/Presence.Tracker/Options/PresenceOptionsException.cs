using System.Runtime.CompilerServices;

namespace Presence.Tracker;

/// <summary>An option breaks a rule; the message names option, value and rule.</summary>
public sealed class PresenceOptionsException : ArgumentException
{
    internal PresenceOptionsException(string message, string option)
        : base(message) => Option = option;

    /// <summary>Name of the option.</summary>
    public string Option { get; }
}

/// <summary>Checks the options of one section.</summary>
/// <param name="Where">What stands before the name of an option: the section with its last colon.</param>
internal readonly record struct OptionRules(string Where)
{
    /// <exception cref="PresenceOptionsException">The rule does not hold.</exception>
    public void Require(
        bool holds, object? value, string rule, [CallerArgumentExpression(nameof(value))] string option = "")
    {
        if (!holds)
        {
            throw new PresenceOptionsException($"{Where}{option} is {value}: it {rule}.", option);
        }
    }
}
