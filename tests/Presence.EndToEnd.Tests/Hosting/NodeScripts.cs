namespace Presence.EndToEnd.Tests;

/// <summary>Runs the scenarios in the folder js under Node.js.</summary>
internal static class NodeScripts
{
    private static readonly SemaphoreSlim Installing = new(1);

    public static string? Node { get; } = Executable.Find("node", "node.exe");
    private static string? Npm { get; } = Executable.Find("npm", "npm.cmd");
    public static bool IsHere => Node is not null && Npm is not null;

    /// <summary>Skips the test if there is no Node.js.</summary>
    public static void Require() => Requirement.Demand("node", IsHere ? null : "Node.js or npm is not on the path.");

    /// <summary>Runs one scenario; fails with its output.</summary>
    /// <returns>The measurements as JSON.</returns>
    public static async Task<string> RunAsync(string script, IEnumerable<string> arguments, int seconds = 60)
    {
        Require();
        await InstallAsync(Places.Scripts, "node_modules/phoenix");
        var result = await Command.RunAsync(
            Node!, [script, .. arguments], Places.Scripts, TimeSpan.FromSeconds(seconds));
        Assert.True(result.ExitCode == 0, $"{script}: {result.Error}\n{result.Output}");
        return result.Output.Trim();
    }

    /// <summary>Runs a scenario; <paramref name="then"/> runs when it prints <c>joined</c>.</summary>
    /// <returns>The last line, which has the measurements as JSON.</returns>
    public static async Task<string> RunAsync(
        string script, IEnumerable<string> arguments, Func<Task> then, int seconds = 90)
    {
        Require();
        await InstallAsync(Places.Scripts, "node_modules/phoenix");
        var joined = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var process = OwnedProcess.Start(
            new ProcessStartInfo(Node!, [script, .. arguments]) { WorkingDirectory = Places.Scripts },
            line =>
            {
                if (line == "joined")
                {
                    joined.TrySetResult();
                }
            });
        var limit = TimeSpan.FromSeconds(seconds);
        await Task.WhenAny(joined.Task, process.Drained).WaitAsync(limit);
        Assert.True(joined.Task.IsCompleted, $"{script}: {process.Output}");
        await then();
        await process.WaitForEndAsync(limit);
        await process.Drained.WaitAsync(limit);
        Assert.True(process.ExitCode == 0, $"{script}: {process.Output}");
        return process.Output.Split('\n')[^1];
    }

    /// <summary>Runs Node.js in <c>deploy</c>; skips the test without the packages that it needs.</summary>
    public static async Task<CommandResult> RunInDeployAsync(params string[] arguments)
    {
        Require();
        var folder = Path.Combine(HostFiles.Root, "deploy");
        try
        {
            await InstallAsync(folder, "node_modules/fflate");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Skip.If(true,
                $"an npm package of deploy is not available: {e.Message.Trim().Split('\n')[^1]}");
        }

        return await Command.RunAsync(Node!, arguments, folder, TimeSpan.FromSeconds(60));
    }

    /// <summary>Builds the npm package in clients/js, so that scenarios can use it, and runs its own tests.</summary>
    public static async Task TestPackageAsync()
    {
        Require();
        var folder = Path.Combine(HostFiles.Root, "clients", "js");
        await InstallAsync(folder, "node_modules/typescript");
        var result = await Command.RunAsync(Npm!, ["test"], folder, TimeSpan.FromSeconds(120));
        Assert.True(result.ExitCode == 0, result.Output + result.Error);
    }

    private static async Task InstallAsync(string folder, string sign)
    {
        await Installing.WaitAsync();
        try
        {
            if (!Directory.Exists(Path.Combine(folder, sign)))
            {
                var installed = await Command.RunAsync(
                    Npm!, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], folder, TimeSpan.FromMinutes(3));
                Assert.True(installed.ExitCode == 0, installed.Error + installed.Output);
            }
        }
        finally
        {
            Installing.Release();
        }
    }
}
