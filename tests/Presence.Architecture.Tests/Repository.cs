using System.Xml.Linq;

namespace Presence.Architecture.Tests;

/// <summary>The checkout these tests were built from.</summary>
internal static class Repository
{
    private static readonly string[] NotOurs = ["artifacts", "node_modules", "wwwroot", ".git", "bin", "obj"];

    /// <summary>The folder that holds the solution.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>All C# files that people wrote, as paths with forward slashes relative to <see cref="Root"/>.</summary>
    public static IReadOnlyList<string> CSharpFiles { get; } =
        [.. FilesIn(Root).Where(f => f.EndsWith(".cs", StringComparison.Ordinal))];

    /// <summary>All project files, by name without extension.</summary>
    public static IReadOnlyDictionary<string, XDocument> Projects { get; } = FilesIn(Root)
        .Where(f => f.EndsWith(".csproj", StringComparison.Ordinal))
        .ToDictionary(f => Path.GetFileNameWithoutExtension(f), f => XDocument.Load(Path.Combine(Root, f)));

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    public static string[] Lines(string relative) => File.ReadAllLines(PathOf(relative));

    /// <summary>C# files that are tests or the tests' own tools.</summary>
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
            if (NotOurs.Contains(Path.GetFileName(inner), StringComparer.Ordinal))
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
