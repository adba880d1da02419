using Presence.Silo.Configuration;
using Presence.Silo.Nodes;

namespace Presence.Silo;

/// <summary>Runs the host: settings, nodes, banner, stop.</summary>
internal static class SiloProgram
{
    // The contract allows 5 s; the rest is for the exit of the process.
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(4);

    /// <returns>The exit code: 0 after an orderly stop, 1 if the host could not start or a node has failed.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error)
    {
        try
        {
            var arguments = SiloArguments.Parse(args);
            if (arguments.Help)
            {
                await output.WriteLineAsync(SiloArguments.Usage);
                return 0;
            }

            var configuration = SiloConfiguration.Load(arguments);
            var options = SiloOptions.Read(configuration.Settings);
            if (arguments.CreateSchema)
            {
                await Database.CreateTablesAsync(options);
                await output.WriteLineAsync("The tables of silos, leases and token keys are in the database.");
                return 0;
            }

            await RunAsync(configuration, options, output);
            return 0;
        }
        catch (SiloStartException e)
        {
            await error.WriteLineAsync($"error: {e.Message}");
            return 1;
        }
    }

    private static async Task RunAsync(SiloConfiguration configuration, SiloOptions options, TextWriter output)
    {
        using var stop = new ShutdownSignal();
        var stopRequested = Task.Delay(Timeout.Infinite, stop.Token);
        // An unresponsive database may block the start, but must not block a stop.
        var starting = Task.Run(() => StartAsync(configuration, options, output, stop.Token));
        if (await Task.WhenAny(starting, stopRequested) == starting && await starting is { } run)
        {
            await output.WriteAsync(StartupBanner.For(run));
            await Task.WhenAny(stopRequested, run.NodeFailed);
            await output.WriteLineAsync("Stopping ...");
            await run.StopAsync(StopTimeout);
            if (run.NodeFailed.IsCompleted)
            {
                throw new SiloStartException($"Node {await run.NodeFailed} has failed; the log says why.");
            }

            return;
        }

        await output.WriteLineAsync("Stopping before all nodes were up ...");
        await ((Task)starting).WaitAsync(StopTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<SiloRun?> StartAsync(
        SiloConfiguration configuration, SiloOptions options, TextWriter output, CancellationToken stop)
    {
        var run = SiloRun.Create(configuration, options, output);
        return await run.StartAsync(stop) ? run : null;
    }
}
