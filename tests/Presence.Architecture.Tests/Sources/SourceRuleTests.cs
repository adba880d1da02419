namespace Presence.Architecture.Tests.Sources;

public sealed partial class SourceRuleTests
{
    [Fact]
    public void Sources_have_no_unfinished_code() =>
        Findings.MustBeNone(Matches(Repository.CSharpFiles, Unfinished()), "Finish it or remove it.");

    [Fact]
    public void Tests_are_not_skipped_statically()
    {
        Findings.MustBeNone(
            Matches(Repository.TestFiles, Skipped()),
            "Skip a test at run time, with a reason.");
    }

    [Fact]
    public void Disabled_warnings_have_a_reason()
    {
        Findings.MustBeNone(
            Matches(Repository.CSharpFiles, UnexplainedPragma()),
            "Give the reason on the same line.");
    }

    [Fact]
    public void Servers_bind_only_the_loopback_address()
    {
        Findings.MustBeNone(
            Matches(Repository.CSharpFiles, BindsAllAddresses()),
            "Servers bind 127.0.0.1 by default.");
    }

    private static List<string> Matches(IEnumerable<string> files, Regex pattern) =>
    [
        .. from file in files
           where !file.EndsWith("/SourceRuleTests.cs", StringComparison.Ordinal)
           from line in Repository.Lines(file).Select((text, index) => (Text: text, Number: index + 1))
           where pattern.IsMatch(line.Text)
           select $"{file}:{line.Number}: {line.Text.Trim()}",
    ];

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException")]
    private static partial Regex Unfinished();

    [GeneratedRegex(@"(Fact|Theory)\(.*\bSkip\s*=|^\s*Skip\s*=\s*""")]
    private static partial Regex Skipped();

    [GeneratedRegex(@"#pragma warning disable(?!.*//)")]
    private static partial Regex UnexplainedPragma();

    [GeneratedRegex(
        @"""https?://(0\.0\.0\.0|\*|\+|\[::\])(:\d+)?""|""0\.0\.0\.0""|IPAddress\.(IPv6)?Any\b|ListenAnyIP")]
    private static partial Regex BindsAllAddresses();
}
