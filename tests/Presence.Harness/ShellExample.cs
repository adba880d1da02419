using Presence.Harness.Nodes;
using Presence.Harness.Processes;

namespace Presence.Harness;

/// <summary>Shell commands of the documents, run by bash as they stand there.</summary>
public static class ShellExample
{
    /// <summary>Every command must succeed; curl fails at an HTTP error, which it would only print.</summary>
    private const string Start = """
        set -euo pipefail
        curl() { command curl --silent --show-error --fail-with-body --noproxy '*' "$@"; echo; }
        """;

    /// <summary>Runs the block of a document that contains a text, and returns its output.</summary>
    /// <param name="document">The path from the root of the repository.</param>
    /// <param name="containing">The text, which is in one block only.</param>
    /// <param name="folder">The folder to run in; null for the root of the repository.</param>
    /// <param name="instead">Shell functions for programs that do more than a test can.</param>
    /// <param name="replaced">Placeholders of the document, and what stands for them here.</param>
    public static async Task<string> RunAsync(
        string document,
        string containing,
        string? folder = null,
        string instead = "",
        params (string Text, string By)[] replaced)
    {
        Requirement.Demand("bash", Executable.Find("bash") is null ? "bash is not on the path." : null);
        var text = await File.ReadAllTextAsync(Path.Combine(HostFiles.Root, document));
        var block = Assert.Single(
            text.ReplaceLineEndings("\n").Split("\n```bash\n").Skip(1).Select(part => part.Split("\n```")[0]),
            part => part.Contains(containing, StringComparison.Ordinal));
        foreach (var (placeholder, by) in replaced)
        {
            Assert.Contains(placeholder, block, StringComparison.Ordinal);
            block = block.Replace(placeholder, by, StringComparison.Ordinal);
        }

        var result = await Command.RunAsync("bash", ["-c", $"{Start}\n{instead}\n{block}"], folder ?? HostFiles.Root);
        Assert.True(result.ExitCode == 0, $"{document}: status {result.ExitCode}\n{result.Error}{result.Output}");
        return result.Output;
    }
}
