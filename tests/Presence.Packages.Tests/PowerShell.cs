namespace Presence.Packages.Tests;

/// <summary>Runs the scripts for PowerShell, which is a .NET tool of the repository.</summary>
internal static class PowerShell
{
    private static readonly SemaphoreSlim Restoring = new(1);
    private static bool s_isRestored;

    /// <summary>Runs a script of the repository and returns its output. It must end with status 0.</summary>
    public static Task<string> RunAsync(string script, params string[] arguments) =>
        StartAsync(["-File", Path.Combine(HostFiles.Root, script), .. arguments]);

    /// <summary>Runs commands and returns their output.</summary>
    public static Task<string> RunCommandsAsync(string commands) => StartAsync(["-Command", commands]);

    private static async Task<string> StartAsync(IEnumerable<string> arguments)
    {
        await Restoring.WaitAsync();
        try
        {
            if (!s_isRestored)
            {
                await PackageFeed.RunAsync("dotnet", ["tool", "restore"], HostFiles.Root);
                s_isRestored = true;
            }
        }
        finally
        {
            Restoring.Release();
        }

        return await PackageFeed.RunAsync(
            "dotnet",
            ["tool", "run", "pwsh", "--", "-NoProfile", "-NonInteractive", .. arguments],
            HostFiles.Root,
            new() { ["POWERSHELL_TELEMETRY_OPTOUT"] = "1", ["NO_COLOR"] = "1" });
    }
}
