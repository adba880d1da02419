namespace Presence.Harness.Processes;

/// <summary>Finds programs on this machine.</summary>
public static class Executable
{
    // Administration tools are not on every user's path.
    private static readonly string[] AlsoIn = OperatingSystem.IsWindows()
        ? []
        : ["/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>Returns the path of the first of these programs that exists; null if none does.</summary>
    public static string? Find(params ReadOnlySpan<string> names)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        foreach (var name in names)
        {
            foreach (var folder in folders.Concat(AlsoIn))
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
}
