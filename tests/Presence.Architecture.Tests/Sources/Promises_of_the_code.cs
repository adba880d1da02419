namespace Presence.Architecture.Tests.Sources;

public sealed partial class Promises_of_the_code
{
    [Fact]
    public void Nothing_is_left_for_later() =>
        Findings.MustBeNone(Matches(Repository.CSharpFiles, LeftForLater()), "Finish it or take it out.");

    [Fact]
    public void No_test_is_switched_off()
    {
        Findings.MustBeNone(
            Matches(Repository.TestFiles, SwitchedOff()),
            "A test that cannot run here skips itself when it runs, with a reason.");
    }

    [Fact]
    public void No_warning_is_switched_off_without_a_word_why()
    {
        Findings.MustBeNone(
            Matches(Repository.CSharpFiles, SilentPragma()),
            "Say on the same line why the warning is wrong here.");
    }

    [Fact]
    public void Only_the_loopback_address_is_bound()
    {
        Findings.MustBeNone(
            Matches(Repository.CSharpFiles, BindsEverything()),
            "Servers bind 127.0.0.1 unless the user says otherwise.");
    }

    private static List<string> Matches(IEnumerable<string> files, Regex pattern) =>
    [
        .. from file in files
           where !file.EndsWith("/Promises_of_the_code.cs", StringComparison.Ordinal)
           from line in Repository.Lines(file).Select((text, index) => (Text: text, Number: index + 1))
           where pattern.IsMatch(line.Text)
           select $"{file}:{line.Number}: {line.Text.Trim()}",
    ];

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b|NotImplementedException")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"(Fact|Theory)\(.*\bSkip\s*=|^\s*Skip\s*=\s*""")]
    private static partial Regex SwitchedOff();

    [GeneratedRegex(@"#pragma warning disable(?!.*//)")]
    private static partial Regex SilentPragma();

    [GeneratedRegex(@"""https?://(0\.0\.0\.0|\*|\+|\[::\])(:\d+)?""|""0\.0\.0\.0""|IPAddress\.(IPv6)?Any\b|ListenAnyIP")]
    private static partial Regex BindsEverything();
}
