namespace Presence.Architecture.Tests.Sources;

public sealed class LineLengthTests
{
    private const int MaxColumns = 120;

    [Fact]
    public void Lines_of_code_have_at_most_120_columns() => Findings.MustBeNone(
        Repository.CSharpFiles.SelectMany(LongLines), "Wrap the line.");

    private static IEnumerable<string> LongLines(string file) => Repository.Lines(file)
        .Select((text, index) => (Text: text, Number: index + 1))
        .Where(line => line.Text.Length > MaxColumns)
        .Select(line => $"{file}:{line.Number}: {line.Text.Length} columns");
}
