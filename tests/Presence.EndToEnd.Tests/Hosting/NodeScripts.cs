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

    /// <summary>Runs one scenario; fails with what it wrote if it did not hold.</summary>
    /// <returns>The facts it measured, as JSON.</returns>
    public static async Task<string> RunAsync(string script, IEnumerable<string> arguments, int seconds = 60)
    {
        Require();
        await InstallAsync(Places.Scripts, "node_modules/phoenix");
        var result = await Command.RunAsync(Node!, [script, .. arguments], Places.Scripts, TimeSpan.FromSeconds(seconds));
        Assert.True(result.ExitCode == 0, $"{script}: {result.Error}\n{result.Output}");
        return result.Output.Trim();
    }

    /// <summary>Runs a scenario that says <c>joined</c> half-way: <paramref name="then"/> runs there, then the rest.</summary>
    public static async Task RunAsync(string script, IEnumerable<string> arguments, Func<Task> then)
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
        var limit = TimeSpan.FromSeconds(90);
        await Task.WhenAny(joined.Task, process.Drained).WaitAsync(limit);
        Assert.True(joined.Task.IsCompleted, $"{script}: {process.Output}");
        await then();
        await process.WaitForEndAsync(limit);
        await process.Drained.WaitAsync(limit);
        Assert.True(process.ExitCode == 0, $"{script}: {process.Output}");
    }

    /// <summary>Bundles the pages if nobody has: whoever starts from ./test finds them built.</summary>
    public static async Task BuildPagesAsync()
    {
        Require();
        var web = Path.Combine(HostFiles.Content, "web");
        await InstallAsync(web, "node_modules/vite");
        // One at a time: a bundler empties the folder it writes to.
        await Installing.WaitAsync();
        try
        {
            if (File.Exists(Path.Combine(HostFiles.Content, "wwwroot", "assets", "shop.js")))
            {
                return;
            }

            var built = await Command.RunAsync(Npm!, ["run", "build"], web, TimeSpan.FromMinutes(2));
            Assert.True(built.ExitCode == 0, built.Error + built.Output);
        }
        finally
        {
            Installing.Release();
        }
    }

    /// <summary>Checks the manifests in <c>deploy</c>; skips the test where the package with the schemas cannot be had.</summary>
    public static async Task<CommandResult> CheckManifestsAsync(string manifests)
    {
        Require();
        var folder = Path.Combine(HostFiles.Root, "deploy");
        try
        {
            await InstallAsync(folder, "node_modules/kubernetes-models");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Skip.If(true, $"The schemas of Kubernetes (npm package kubernetes-models) cannot be had here: {e.Message.Trim().Split('\n')[^1]}");
        }

        return await Command.RunAsync(Node!, ["validate.mjs", manifests], folder, TimeSpan.FromSeconds(60));
    }

    private static async Task InstallAsync(string folder, string sign)
    {
        await Installing.WaitAsync();
        try
        {
            if (!Directory.Exists(Path.Combine(folder, sign)))
            {
                var installed = await Command.RunAsync(
                    Npm!,
                    ["ci", "--no-audit", "--no-fund", "--loglevel=error"],
                    folder,
                    TimeSpan.FromMinutes(3));
                Assert.True(installed.ExitCode == 0, installed.Error + installed.Output);
            }
        }
        finally
        {
            Installing.Release();
        }
    }
}
