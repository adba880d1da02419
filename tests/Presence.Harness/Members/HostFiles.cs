namespace Presence.Harness.Members;

/// <summary>Where the built host lies. The test project references <c>Silo</c>, so it is beside the tests.</summary>
public static class HostFiles
{
    public static string Assembly { get; } = Path.Combine(AppContext.BaseDirectory, "Presence.Silo.dll");

    /// <summary>The folder with the host's settings and pages.</summary>
    public static string Content { get; } = Path.Combine(FindRoot(), "Silo");

    /// <summary>Logs of members for whoever looks into a failure.</summary>
    public static string Results { get; } =
        Directory.CreateDirectory(Path.Combine(FindRoot(), "artifacts", "test-results", "processes")).FullName;

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
