namespace Presence.Harness.Processes;

/// <summary>Runs programs as a user who is not root.</summary>
public static class Unprivileged
{
    private static readonly Lazy<string?> FoundUser = new(() =>
    {
        var users = File.Exists("/etc/passwd") ? File.ReadAllLines("/etc/passwd") : [];
        return new[] { "postgres", "nobody" }.FirstOrDefault(
            name => users.Any(user => user.StartsWith($"{name}:", StringComparison.Ordinal)));
    });

    public static bool IsRoot => Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows();

    /// <summary>Why root cannot switch users here; null if it can or need not.</summary>
    public static string? Missing =>
        !IsRoot ? null
        : Executable.Find("setpriv") is null ? "setpriv (package util-linux) is missing."
        : FoundUser.Value is null ? "there is neither a user postgres nor nobody to run it as."
        : null;

    /// <summary>Returns the command line that runs a program unprivileged; unchanged without root.</summary>
    public static IReadOnlyList<string> CommandLine(params IEnumerable<string> command) => IsRoot
        ? [
            Executable.Find("setpriv")!,
            $"--reuid={FoundUser.Value}",
            $"--regid={GroupId()}",
            "--clear-groups",
            "--",
            .. command,
        ]
        : [.. command];

    /// <summary>Changes the owner of a folder to that user.</summary>
    public static async Task GiveAsync(string folder)
    {
        if (IsRoot)
        {
            await Command.MustAsync("chown", "-R", $"{FoundUser.Value}:{GroupId()}", folder);
        }
    }

    private static string GroupId() => File.ReadLines("/etc/passwd")
        .First(user => user.StartsWith($"{FoundUser.Value}:", StringComparison.Ordinal))
        .Split(':')[3];
}
