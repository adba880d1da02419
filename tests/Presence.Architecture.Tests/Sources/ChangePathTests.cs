using System.Text.RegularExpressions;

namespace Presence.Architecture.Tests.Sources;

/// <summary>The page that follows a change through the code stays true, and short.</summary>
public sealed partial class ChangePathTests
{
    private const int MaxFiles = 20;
    private const string Page = "docs/internals/path-of-a-change.md";

    [Fact]
    public void Walk_from_a_call_to_an_observer_enters_at_most_20_files()
    {
        var files = Steps().Select(step => step.File).ToList();
        Assert.InRange(files.Count, 10, MaxFiles);
        Assert.Equal(files.Distinct(), files);
    }

    [Fact]
    public void Steps_name_members_of_their_files() => Findings.MustBeNone(
        Steps().SelectMany(step =>
        {
            var code = string.Join('\n', Repository.Lines(step.File));
            return step.Names.Where(name => !Regex.IsMatch(code, $@"\b{Regex.Escape(name)}\b"))
                .Select(name => $"{step.File} has no {name}.");
        }),
        $"Correct {Page}.");

    private static IEnumerable<(string File, IEnumerable<string> Names)> Steps()
    {
        var items = Item().Matches(string.Join('\n', Repository.Lines(Page)) + "\n\n");
        return items.Select(item => (
            Path.GetRelativePath(".", Path.Combine(Path.GetDirectoryName(Page)!, item.Groups["file"].Value)),
            Code().Matches(item.Groups["text"].Value).Select(code => code.Groups["name"].Value)));
    }

    [GeneratedRegex(
        @"^\d+\. \[`\w+`\]\((?<file>[^)]+)\)(?<text>.+?)(?=^\d+\. |\n\n)",
        RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Item();

    [GeneratedRegex(@"`(?<name>\w+)[^`]*`")]
    private static partial Regex Code();
}
