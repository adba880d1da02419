
namespace Presence.Silo;

/// <summary>One run of the host: settings, members, addresses on the screen, the stop.</summary>
internal static class SiloProgram
{
    // The contract gives five seconds; the rest is for the process itself.
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(4);

    /// <returns>The exit code: 0 after an orderly stop, 1 if the host could not start.</returns>
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
                await DatabaseSetup.RunAsync(options);
                await output.WriteLineAsync("The tables of the silos, of the leases and of the keys that sign tokens are in the database.");
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
        using var stop = new StopSignal();
        // Databases that do not answer may hold a start up; nothing holds a stop up.
        var starting = Task.Run(() => StartAsync(configuration, options, output, stop.Token));
        if (await Task.WhenAny(starting, stop.Asked) == starting && await starting is { } run)
        {
            await output.WriteAsync(Greeting.For(run));
            await stop.Asked;
            await output.WriteLineAsync("Stopping ...");
            await run.StopAsync(StopWithin);
            return;
        }

        await output.WriteLineAsync("Stopping before all members were up ...");
        await ((Task)starting).WaitAsync(StopWithin).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task<SiloRun?> StartAsync(
        SiloConfiguration configuration, SiloOptions options, TextWriter output, CancellationToken stop)
    {
        var run = SiloRun.Create(configuration, options, output);
        return await run.StartAsync(stop) ? run : null;
    }
}
