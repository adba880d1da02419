namespace Presence.Client;

/// <summary>Finds the verb and turns what goes wrong into a line on the error output and an exit status.</summary>
internal static class ClientProgram
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    public static async Task<int> RunAsync(IReadOnlyList<string> args, ClientConsole console, CancellationToken stop)
    {
        try
        {
            var arguments = ClientArguments.Parse(args);
            if (arguments.Help)
            {
                console.Line(ClientArguments.Usage);
                return Done;
            }

            if (arguments.Orleans)
            {
                return await OrleansCommands.RunAsync(arguments, console, stop);
            }

            return arguments.Verb switch
            {
                "watch" => await TopicCommands.WatchAsync(arguments, console, stop),
                "list" => await TopicCommands.ListAsync(arguments, console, stop),
                "get" => await TopicCommands.GetAsync(arguments, console, stop),
                "track" => await TopicCommands.TrackAsync(arguments, console, stop),
                "cluster" => await ClusterCommand.RunAsync(arguments, console, stop),
                _ => await ShoppersCommand.RunAsync(arguments, console, stop),
            };
        }
        catch (ClientUsageException e)
        {
            console.Error.WriteLine($"error: {e.Message}");
            console.Error.WriteLine("Try --help.");
            return WrongUsage;
        }
        catch (PhoenixException e)
        {
            console.Error.WriteLine($"error: {e.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            console.Error.WriteLine("Stopped.");
            return Failed;
        }
    }
}
