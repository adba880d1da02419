namespace Presence.Harness.Nodes;

/// <summary>Locations of the built host. A test project that references <c>Silo</c> has it beside it.</summary>
public static class HostFiles
{
    /// <summary>Gets the repository's folder.</summary>
    public static string Root { get; } = FindRoot();

    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "Presence.Silo.dll");

    /// <summary>Gets the folder of the host's settings and pages.</summary>
    public static string Content { get; } = Path.Combine(Root, "Silo");

    /// <summary>Gets the host of this version.</summary>
    public static HostBuild Current { get; } = new(Assembly, Content);

    /// <summary>Returns the host of the previous version, which <c>build/previous.sh</c> publishes.</summary>
    public static HostBuild RequirePrevious()
    {
        var folder = Path.Combine(Root, "artifacts", "previous", "host");
        var assembly = Path.Combine(folder, "Presence.Silo.dll");
        var missing = File.Exists(assembly) ? null : "The previous version is not here; build/previous.sh builds it.";
        Requirement.Demand("previous", missing);
        return new HostBuild(assembly, folder);
    }

    /// <summary>Gets the folder of the nodes' logs.</summary>
    public static string Results { get; } = ResultsOf("processes");

    /// <summary>Returns a folder in the test results.</summary>
    public static string ResultsOf(string kind) =>
        Directory.CreateDirectory(Path.Combine(Root, "artifacts", "test-results", kind)).FullName;

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Presence.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the repository.");
    }
}

/// <summary>A built host.</summary>
/// <param name="Assembly">The path of its assembly.</param>
/// <param name="Content">The folder of its settings.</param>
public sealed record HostBuild(string Assembly, string Content);
