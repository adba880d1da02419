namespace Presence.EndToEnd.Tests;

/// <summary>Where things lie in the repository and on this machine.</summary>
internal static class Places
{
    public static string Root { get; } = FindRoot();

    public static string Scripts { get; } = Path.Combine(Root, "tests", "Presence.EndToEnd.Tests", "js");

    public static string Host { get; } = Path.Combine(AppContext.BaseDirectory, "Presence.Silo.dll");

    public static string HostContent { get; } = Path.Combine(Root, "Silo");

    /// <summary>Pictures and logs for whoever looks into a failure.</summary>
    public static string Results { get; } =
        Directory.CreateDirectory(Path.Combine(Root, "artifacts", "test-results", "end-to-end")).FullName;

    /// <summary>Path of an executable, or null.</summary>
    public static string? Find(params ReadOnlySpan<string> names)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        foreach (var name in names)
        {
            foreach (var folder in folders)
            {
                var path = Path.Combine(folder, name);
                if (File.Exists(path))
                {
                    return path;
                }
            }
        }

        return null;
    }

    /// <summary>Whether a skip for want of <paramref name="what"/> is to be a failure.</summary>
    public static bool Required(string what) =>
        (Environment.GetEnvironmentVariable("PRESENCE_REQUIRE") ?? "").Split(',').Contains(what);

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
