namespace Presence.Harness.Members;

/// <summary>Where the built host lies. The test project references <c>Silo</c>, so it is beside the tests.</summary>
public static class HostFiles
{
    /// <summary>The folder of the repository.</summary>
    public static string Root { get; } = FindRoot();

    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "Presence.Silo.dll");

    /// <summary>The folder with the host's settings and pages.</summary>
    public static string Content { get; } = Path.Combine(Root, "Silo");

    /// <summary>Logs of members for whoever looks into a failure.</summary>
    public static string Results { get; } = ResultsOf("processes");

    /// <summary>A folder among the results of the tests, for whoever looks into a failure.</summary>
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
