using System.CommandLine;
using System.CommandLine.Parsing;

namespace Presence.CommandLine;

/// <summary>Explains what is wrong with a command line.</summary>
internal static class UsageErrors
{
    public static string Describe(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        if (command is RootCommand)
        {
            var verbs = string.Join(", ", command.Subcommands.Where(verb => !verb.Hidden).Select(verb => verb.Name));
            return parsed.UnmatchedTokens is [var word, ..]
                ? $"'{word}' is no verb: there are {verbs}."
                : $"a verb is missing: {verbs}.";
        }

        if (UnknownOption(parsed) is { } unknown)
        {
            return unknown == TopicOptions.OrleansName
                ? $"{command.Name} uses the nodes' sockets: omit {unknown}."
                : $"{unknown} is not an option of {command.Name}.";
        }

        var given = parsed.UnmatchedTokens.Count
            + command.Arguments.Sum(argument => parsed.GetResult(argument)?.Tokens.Count ?? 0);
        if (given != command.Arguments.Count)
        {
            var expected = command.Arguments.Count switch { 0 => "nothing", 1 => "a topic", _ => "a topic and a key" };
            return $"{command.Name} takes {expected}; {given} given.";
        }

        foreach (var required in command.Options.Where(option => option.Required))
        {
            if (parsed.GetResult(required) is not { Implicit: false })
            {
                return $"{required.Name} is missing.";
            }
        }

        var error = parsed.Errors[0];
        return error.SymbolResult is OptionResult { Implicit: false, Tokens.Count: 0 } empty
            ? $"{empty.Option.Name} needs a value."
            : error.Message;
    }

    /// <summary>Returns the first word that looks like an option; the parser treats it as an argument.</summary>
    private static string? UnknownOption(ParseResult parsed)
    {
        var flags = parsed.CommandResult.Command.Options
            .Where(option => option.Arity.MaximumNumberOfValues == 0)
            .Select(option => option.Name)
            .ToList();
        var takesValue = false;
        foreach (var word in parsed.Tokens.TakeWhile(token => token.Type != TokenType.DoubleDash))
        {
            if (word.Type == TokenType.Argument && !takesValue && word.Value.StartsWith("--", StringComparison.Ordinal))
            {
                return word.Value.Split('=')[0];
            }

            takesValue = word.Type == TokenType.Option && !flags.Contains(word.Value);
        }

        return null;
    }
}
