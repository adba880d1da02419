
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
            var engine = EngineChoice.Decide(options);
            if (arguments.CreateSchema)
            {
                await engine.Engine.PrepareAsync();
                await output.WriteLineAsync($"What engine {engine.Name} needs in the database is there.");
                return 0;
            }

            using var stop = new StopSignal();
            var run = SiloRun.Create(configuration, options, engine);
            await run.StartAsync(stop.Asked);
            await output.WriteAsync(Greeting.For(run));
            await stop.Asked;
            await output.WriteLineAsync("Stopping ...");
            await run.StopAsync(StopWithin);
            return 0;
        }
        catch (SiloStartException e)
        {
            await error.WriteLineAsync($"error: {e.Message}");
            return 1;
        }
    }
}
