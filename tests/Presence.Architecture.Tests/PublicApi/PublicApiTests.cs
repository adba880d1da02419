using Presence.Architecture.Tests.ProjectReferences;
using Xunit;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>
/// The public API of each library is a reviewed text. A change fails here until <c>PRESENCE_APPROVE=1 dotnet test
/// tests/Presence.Architecture.Tests</c> rewrites it.
/// </summary>
public sealed class PublicApiTests
{
    public static TheoryData<string> Libraries => [.. Layering.Libraries];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Public_API_equals_the_approved_text(string project)
    {
        var approved = Repository.PathOf(
            $"tests/Presence.Architecture.Tests/PublicApi/{Layering.AssemblyName(project)}.txt");
        var actual = PublicApiText.Of(Layering.Load(project));
        if (Environment.GetEnvironmentVariable("PRESENCE_APPROVE") == "1")
        {
            File.WriteAllText(approved, actual);
            return;
        }

        var expected = File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "";
        Assert.True(
            expected == actual,
            $"The public API of {project} changed. Approve an intended change with PRESENCE_APPROVE=1.\n" +
            Difference(expected, actual));
    }

    [Fact]
    public void Difference_lists_removed_and_added_lines()
    {
        Assert.Equal("- b\n+ x\n+ y", Difference("a\nb\nc\n", "a\nx\nc\ny\n"));
    }

    [Fact]
    public void Records_and_default_members_of_interfaces_are_listed() => Assert.Equal(
        ["// default: SHAPE.Corners", "// record: PAIR"],
        PublicApiText.Remarks([typeof(Pair), typeof(IShape), typeof(PublicApiTests)])
            .Select(line => line.Replace(typeof(IShape).FullName!, "SHAPE", StringComparison.Ordinal))
            .Select(line => line.Replace(typeof(Pair).FullName!, "PAIR", StringComparison.Ordinal)));

    /// <summary>Returns the lines of one side only, which suffice because members are sorted.</summary>
    private static string Difference(string expected, string actual)
    {
        var before = expected.Split('\n');
        var after = actual.Split('\n');
        var gone = before.Except(after).Select(line => $"- {line}");
        var come = after.Except(before).Select(line => $"+ {line}");
        return string.Join('\n', gone.Concat(come));
    }

    private interface IShape
    {
        void Draw();

        int Corners() => 0;
    }

    private sealed record Pair(int Left, int Right);
}
