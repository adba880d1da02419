using System.Xml.Linq;

namespace Presence.Architecture.Tests;

/// <summary>The source tree that these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] Excluded = ["artifacts", "node_modules", ".git", "bin", "obj"];

    /// <summary>Gets the folder of the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Gets all handwritten C# files, as paths with forward slashes relative to <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> CSharpFiles { get; } =
        [.. FilesIn(Root).Where(f => f.EndsWith(".cs", StringComparison.Ordinal))];

    /// <summary>Gets all documents as paths with forward slashes relative to <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> MarkdownFiles { get; } =
        [.. FilesIn(Root).Where(f => f.EndsWith(".md", StringComparison.Ordinal))];

    /// <summary>Gets all sources, scripts, settings and documents, as the other lists do.</summary>
    public static IReadOnlyList<string> TextFiles { get; } = [.. FilesIn(Root).Where(f => Path.GetExtension(f)
        is ".cs" or ".md" or ".mjs" or ".ts" or ".css" or ".html" or ".json" or ".csproj" or ".props" or ".targets"
        or ".txt" or ".sql" or ".yaml" or ".yml" or ".sh" or ".ps1" or "")];

    /// <summary>Gets all project files by name without extension.</summary>
    public static IReadOnlyDictionary<string, XDocument> Projects { get; } = FilesIn(Root)
        .Where(f => f.EndsWith(".csproj", StringComparison.Ordinal))

        // What a template contains becomes a project when a user creates one.
        .Where(f => !f.Contains("templates/content/", StringComparison.Ordinal))
        .ToDictionary(f => Path.GetFileNameWithoutExtension(f), f => XDocument.Load(Path.Combine(Root, f)));

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string[] Lines(string relative) => File.ReadAllLines(PathOf(relative));

    /// <summary>Gets the C# files of tests and their tools.</summary>
    public static IEnumerable<string> TestFiles =>
        CSharpFiles.Where(f => f.StartsWith("tests/", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Presence.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ??
            throw new InvalidOperationException($"No Presence.sln above {AppContext.BaseDirectory}.");
    }

    private static IEnumerable<string> FilesIn(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
        {
            yield return Path.GetRelativePath(Root, file).Replace('\\', '/');
        }

        foreach (var inner in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
        {
            if (Excluded.Contains(Path.GetFileName(inner), StringComparer.Ordinal))
            {
                continue;
            }

            foreach (var file in FilesIn(inner))
            {
                yield return file;
            }
        }
    }
}
