namespace Presence.Harness.Processes;

/// <summary>Programs of this machine.</summary>
public static class Executable
{
    // Tools of the administrator are not on everybody's path.
    private static readonly string[] AlsoIn = OperatingSystem.IsWindows() ? [] : ["/usr/local/sbin", "/usr/sbin", "/sbin"];

    /// <summary>Path of the first of these programs that there is; null if there is none.</summary>
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
