using System.Runtime.CompilerServices;

namespace Presence.TestKit.Tests;

/// <summary>An example of the README is the text between two marks in a test.</summary>
internal static class ReadmeExample
{
    public static void IsCompiled(string test)
    {
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../.."));
        var readme = File.ReadAllText(Path.Combine(root, "src/Presence.TestKit/README.md"));
        var example = File.ReadAllLines(test)
            .SkipWhile(line => line.Trim() != "// <readme>")
            .Skip(1)
            .TakeWhile(line => line.Trim() != "// </readme>")
            .Select(line => line.Length > 8 ? line[8..] : line.TrimEnd());
        Assert.Contains(string.Join('\n', example), readme, StringComparison.Ordinal);
    }

    public static string ThisFile([CallerFilePath] string path = "") => path;
}
