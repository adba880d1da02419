namespace Presence.Architecture.Tests.Sources;

public sealed class LineLengthTests
{
    private const int MaxColumns = 120;

    /// <summary>Files with longer lines. The list only shrinks.</summary>
    private static readonly HashSet<string> Longer =
    [
        "src/Presence.Channels/Wire/V2Serializer.cs",
        "src/Presence.Node/PubSub/PubSubCodec.cs",
        "src/Presence.Tracker/Shard/AntiEntropy.cs",
        "src/Presence.Tracker/Shard/VisibilityProjection.cs",
        "tests/Presence.Channels.Tests/Support/StubNode.cs",
        "tests/Presence.Channels.Tests/Transport/IdleSocketTests.cs",
        "tests/Presence.Tracker.Tests/Entries/PresenceSetTests.cs",
        "tests/Presence.Tracker.Tests/Simulation/DirectedHistories.cs",
        "tests/Presence.Tracker.Tests/Wire/FrameCodecTests.cs",
    ];

    [Fact]
    public void Lines_of_code_have_at_most_120_columns() => Findings.MustBeNone(
        Repository.CSharpFiles.Where(file => !Longer.Contains(file)).SelectMany(LongLines), "Wrap the line.");

    [Fact]
    public void Listed_files_still_have_longer_lines() => Findings.MustBeNone(
        Longer.Where(file => !File.Exists(Repository.PathOf(file)) || !LongLines(file).Any()),
        "Remove the file from the list.");

    private static IEnumerable<string> LongLines(string file) => Repository.Lines(file)
        .Select((text, index) => (Text: text, Number: index + 1))
        .Where(line => line.Text.Length > MaxColumns)
        .Select(line => $"{file}:{line.Number}: {line.Text.Length} columns");
}
