using System.Runtime.CompilerServices;

namespace Presence.Harness;

/// <summary>The C# examples of a guide that a test runs from a file of its own.</summary>
public static class GuideCode
{
    /// <summary>Asserts that each example of a guide is in a source file, without its <c>using</c> lines.</summary>
    /// <param name="guide">The guide below <c>docs</c>.</param>
    /// <param name="source">The source file, beside the test.</param>
    public static void MustBeIn(string guide, string source, [CallerFilePath] string test = "")
    {
        var code = Read(Path.Combine(Path.GetDirectoryName(test)!, source));
        var blocks = Read(Path.Combine(Nodes.HostFiles.Root, "docs", guide)).Split("\n```csharp\n")[1..];
        Assert.NotEmpty(blocks);
        foreach (var block in blocks)
        {
            var lines = block.Split("\n```")[0].Split('\n')
                .SkipWhile(line => line.Length == 0 || line.StartsWith("using ", StringComparison.Ordinal));
            Assert.Contains(string.Join('\n', lines), code, StringComparison.Ordinal);
        }
    }

    private static string Read(string file) => File.ReadAllText(file).ReplaceLineEndings("\n");
}
