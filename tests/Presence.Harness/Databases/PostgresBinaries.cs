namespace Presence.Harness.Databases;

/// <summary>The folder of PostgreSQL's server programs on this machine.</summary>
public sealed record PostgresBinaries(string Folder)
{
    private static readonly Lazy<PostgresBinaries?> Found = new(FindInstalled);

    /// <summary>The newest installation; null if there is none.</summary>
    public static PostgresBinaries? Installed => Found.Value;

    /// <summary>Why no server can be started here; null if one can.</summary>
    public static string? Missing =>
        OperatingSystem.IsWindows() ? "PostgreSQL: the tests start servers of their own on Linux and macOS only."
        : Installed is null
            ? "PostgreSQL is not installed (no initdb on the path, by pg_config or in /usr/lib/postgresql)."
        : Unprivileged.Missing is { } why ? $"PostgreSQL does not run as root, and {why}"
        : null;

    public string Initdb => Path.Combine(Folder, "initdb");

    public string Postgres => Path.Combine(Folder, "postgres");

    private static PostgresBinaries? FindInstalled() => Candidates()
        .Where(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "postgres")))
        .Select(folder => new PostgresBinaries(folder))
        .FirstOrDefault();

    private static IEnumerable<string> Candidates()
    {
        if (Environment.GetEnvironmentVariable("PRESENCE_POSTGRES_BIN") is { Length: > 0 } given)
        {
            yield return given;
        }

        // Debian's own layout first: its path contains only wrappers of the client programs.
        if (Directory.Exists("/usr/lib/postgresql"))
        {
            var versions = Directory.GetDirectories("/usr/lib/postgresql")
                .OrderByDescending(path => double.TryParse(Path.GetFileName(path), out var version) ? version : 0);
            foreach (var version in versions)
            {
                yield return Path.Combine(version, "bin");
            }
        }

        if (Executable.Find("postgres") is { } onPath)
        {
            yield return Path.GetDirectoryName(onPath)!;
        }

        if (Executable.Find("pg_config") is { } config && Bindir(config) is { Length: > 0 } bindir)
        {
            yield return bindir;
        }

        yield return "/usr/local/pgsql/bin";
    }

    private static string? Bindir(string config)
    {
        using var process = Process.Start(
            new ProcessStartInfo(config, ["--bindir"]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadLine()?.Trim();
    }
}
