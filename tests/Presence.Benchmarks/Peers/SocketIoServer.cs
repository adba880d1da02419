using System.ComponentModel;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Peers;

/// <summary>
/// Starts the socket.io server under Node.js. Its packages are installed beside this program on first use.
/// </summary>
internal static class SocketIoServer
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Peers", "socket.io");

    /// <exception cref="CannotBeMeasuredException">Node.js or the packages are not available.</exception>
    public static async Task<ServerProcess> StartAsync()
    {
        await InstallAsync();
        try
        {
            return await ServerProcess.StartAsync(
                new ProcessStartInfo("node", [Path.Combine(Folder, "server.js")]));
        }
        catch (Win32Exception)
        {
            throw new CannotBeMeasuredException("Node.js is not on the path.");
        }
    }

    /// <summary>Installs exactly the packages of the lock file, unless those are installed already.</summary>
    private static async Task InstallAsync()
    {
        var (lockFile, installed) = (
            Path.Combine(Folder, "package-lock.json"),
            Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (File.GetLastWriteTimeUtc(installed) > File.GetLastWriteTimeUtc(lockFile))
        {
            return;
        }

        var npm = OperatingSystem.IsWindows() ? "npm.cmd" : "npm";
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error"])
                {
                    WorkingDirectory = Folder,
                    // Standard output is for the figures.
                    RedirectStandardOutput = true,
                })!;
            await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            if (process.ExitCode != 0)
            {
                throw new CannotBeMeasuredException($"npm ci ended with {process.ExitCode}.");
            }
        }
        catch (Win32Exception)
        {
            throw new CannotBeMeasuredException("npm is not on the path.");
        }
    }
}
