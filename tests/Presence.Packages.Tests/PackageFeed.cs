using System.IO.Compression;

namespace Presence.Packages.Tests;

/// <summary>The packages of the built libraries, in a folder outside of the repository.</summary>
public sealed class PackageFeed : IAsyncLifetime
{
    public const string Version = "0.1.0-consumed";
    public const string Repository = "https://example.org/presence";

    /// <summary>Gets the folder of the packages and of the applications that use them.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("presence-packages").FullName;

    public string Folder => Path.Combine(Root, "feed");

    /// <summary>Gets the specification of each package by id.</summary>
    public IReadOnlyDictionary<string, XElement> Specifications { get; private set; } = null!;

    /// <summary>Gets the ids of the packages with an assembly.</summary>
    public IEnumerable<string> Libraries => Specifications.Keys.Where(id => id != "Presence.Templates");

    public async Task InitializeAsync()
    {
        string[] arguments =
            ["--no-build", "--version", Version, "--repository", Repository, "--output", Folder];
        await RunAsync(Path.Combine(HostFiles.Root, "pack"), arguments, HostFiles.Root);
        Specifications = Directory.GetFiles(Folder, "*.nupkg").Select(Specification).ToDictionary(s => Value(s, "id"));
    }

    public Task DisposeAsync()
    {
        Directory.Delete(Root, recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Returns the text of an element of a specification, or an empty one.</summary>
    public static string Value(XElement specification, string name) =>
        specification.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";

    /// <summary>Returns the names of the files in a package.</summary>
    public IReadOnlyList<string> FilesOf(string id, string extension = "nupkg")
    {
        using var package = ZipFile.OpenRead(Path.Combine(Folder, $"{id}.{Version}.{extension}"));
        return [.. package.Entries.Select(e => e.FullName)];
    }

    /// <summary>Returns the ids of the packages that a package needs directly.</summary>
    public IReadOnlyList<string> DependenciesOf(string id) => [.. Specifications[id].Descendants()
        .Where(e => e.Name.LocalName == "dependency")
        .Select(e => e.Attribute("id")!.Value)];

    /// <summary>Runs a command of the SDK, apart from the SDK that runs the tests, and returns its output.</summary>
    public static async Task<string> RunAsync(
        string program, IEnumerable<string> arguments, string folder, Dictionary<string, string>? environment = null)
    {
        environment ??= [];
        foreach (var name in Environment.GetEnvironmentVariables().Keys.Cast<string>())
        {
            if (name.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase))
            {
                environment[name] = "";
            }
        }

        // Servers that outlive the command would keep its output open.
        environment["MSBUILDDISABLENODEREUSE"] = "1";
        var result = await Command.RunAsync(program, arguments, folder, TimeSpan.FromSeconds(120), environment);
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
        return result.Output;
    }

    private static XElement Specification(string package)
    {
        using var zip = ZipFile.OpenRead(package);
        using var text = zip.Entries.Single(e => e.FullName.EndsWith(".nuspec", StringComparison.Ordinal)).Open();
        return XDocument.Load(text).Root!.Elements().Single(e => e.Name.LocalName == "metadata");
    }
}
