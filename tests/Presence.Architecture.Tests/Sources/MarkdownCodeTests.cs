using System.Diagnostics;
using System.Net;

namespace Presence.Architecture.Tests.Sources;

/// <summary>
/// Compiles the C# examples of the documents and of the XML docs, all at once: each becomes a namespace of one library.
/// The generator of System.Text.Json runs; the names of its contexts must differ among all examples.
/// </summary>
public sealed partial class MarkdownCodeTests
{
    [Fact]
    public async Task Examples_compile()
    {
        var assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator);
        var context = Path.Combine(AppContext.BaseDirectory, "Sources", "MarkdownCodeContext.txt");
        var folder = Directory.CreateTempSubdirectory("presence-examples-");
        try
        {
            var source = Path.Combine(folder.FullName, "examples.cs");
            var arguments = Path.ChangeExtension(source, "rsp");
            var documents = Repository.MarkdownFiles.Where(IsDocument).Concat(
                Repository.CSharpFiles.Where(file => !file.StartsWith("tests/", StringComparison.Ordinal)));
            await File.WriteAllTextAsync(source, string.Concat(documents.SelectMany(Examples)));
            await File.WriteAllLinesAsync(
                arguments,
                [
                    "-nologo -target:library -langversion:14 -nullable:enable -warn:0",
                    $"-out:\"{Path.ChangeExtension(source, "dll")}\" \"{context}\" \"{source}\"",
                    .. assemblies.Select(assembly => $"-r:\"{assembly}\""),
                    .. Generators().Select(generator => $"-analyzer:\"{generator}\""),
                ]);
            var errors = await CompileAsync(arguments);
            Findings.MustBeNone(errors, "Examples use names of MarkdownCodeContext.txt, or declare their own.");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string DotnetRoot =>
        Path.GetFullPath(Path.Combine(typeof(object).Assembly.Location, "../../../.."));

    /// <summary>Returns the source generator of System.Text.Json.</summary>
    private static IEnumerable<string> Generators() => Directory
        .GetDirectories(Path.Combine(DotnetRoot, "packs", "Microsoft.NETCore.App.Ref"))
        .Select(pack => Path.Combine(pack, "analyzers", "dotnet", "cs", "System.Text.Json.SourceGeneration.dll"))
        .Where(File.Exists)
        .TakeLast(1);

    /// <summary>Examples of the test kit are parts of its tests; those of test projects use types of tests.</summary>
    private static bool IsDocument(string file) =>
        !file.StartsWith("tests/", StringComparison.Ordinal) && file != "src/Presence.TestKit/README.md";

    private static async Task<string[]> CompileAsync(string arguments)
    {
        var compiler = Directory.GetDirectories(Path.Combine(DotnetRoot, "sdk"))
            .Select(sdk => Path.Combine(sdk, "Roslyn", "bincore", "csc.dll"))
            .Last(File.Exists);
        var start = new ProcessStartInfo("dotnet", [compiler, $"@{arguments}"]) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }

    private static IEnumerable<string> Examples(string file)
    {
        var text = File.ReadAllText(Repository.PathOf(file)).ReplaceLineEndings("\n");
        var blocks = file.EndsWith(".cs", StringComparison.Ordinal)
            ? DocumentedCode().Matches(text)
                .Select(code => WebUtility.HtmlDecode(DocumentMark().Replace(code.Groups["code"].Value, "")))
            : text.Split("\n```csharp\n").Skip(1).Select(block => block.Split("\n```")[0] + "\n");
        return blocks.Select((code, index) =>
        {
            var usings = string.Concat(Using().Matches(code).Select(line => line.Value));
            var body = Using().Replace(code, "");
            var types = FirstType().Match(body) is { Success: true } type ? type.Index : body.Length;
            return $$"""
                namespace Example{{Math.Abs(file.GetHashCode(StringComparison.Ordinal))}}_{{index + 1}}
                {
                {{usings}}
                internal static class Statements
                {
                internal static async Task RunAsync(string[] args)
                {
                #line 1 "{{file}}, example {{index + 1}}, statements"
                {{body[..types]}}
                }
                }
                #line 1 "{{file}}, example {{index + 1}}, types"
                {{body[types..]}}
                }

                """;
        });
    }

    [GeneratedRegex(@"^ */// <code>\n(?<code>( *///.*\n)+?) */// </code>\n", RegexOptions.Multiline)]
    private static partial Regex DocumentedCode();

    [GeneratedRegex(@"^ *///( |(?=\n))", RegexOptions.Multiline)]
    private static partial Regex DocumentMark();

    [GeneratedRegex(@"^using [\w.]+;\n", RegexOptions.Multiline)]
    private static partial Regex Using();

    [GeneratedRegex(@"^(public|internal) ", RegexOptions.Multiline)]
    private static partial Regex FirstType();
}
