using Presence.Architecture.Tests.Rooms;
using Xunit;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>
/// The public surface of each library is a text that people review. A change of it fails here until
/// <c>PRESENCE_APPROVE=1 dotnet test tests/Presence.Architecture.Tests</c> has written it anew.
/// </summary>
public sealed class What_libraries_offer
{
    public static TheoryData<string> Libraries => [.. House.Libraries];

    [Theory]
    [MemberData(nameof(Libraries))]
    public void The_public_surface_is_the_approved_text(string room)
    {
        var approved = Repository.PathOf($"tests/Presence.Architecture.Tests/PublicApi/{House.AssemblyName(room)}.txt");
        var actual = ApiText.Of(House.Load(room));
        if (Environment.GetEnvironmentVariable("PRESENCE_APPROVE") == "1")
        {
            File.WriteAllText(approved, actual);
            return;
        }

        var expected = File.Exists(approved) ? File.ReadAllText(approved).ReplaceLineEndings("\n") : "";
        Assert.True(
            expected == actual,
            $"The public surface of {room} changed. If that is meant, approve it with PRESENCE_APPROVE=1.\n" +
            Difference(expected, actual));
    }

    [Fact]
    public void A_difference_names_the_lines_that_came_and_went()
    {
        Assert.Equal("- b\n+ x\n+ y", Difference("a\nb\nc\n", "a\nx\nc\ny\n"));
    }

    /// <summary>Lines of one side only: members are sorted and whole, so that is all a reviewer needs.</summary>
    private static string Difference(string expected, string actual)
    {
        var before = expected.Split('\n');
        var after = actual.Split('\n');
        var gone = before.Except(after).Select(line => $"- {line}");
        var come = after.Except(before).Select(line => $"+ {line}");
        return string.Join('\n', gone.Concat(come));
    }
}
