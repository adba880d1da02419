using System.CommandLine;
using System.CommandLine.Invocation;
using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.CommandLine;

/// <summary>Runs a command line and converts errors to a line and an exit status.</summary>
internal static class ClientProgram
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int WrongUsage = 2;

    // A key may begin with '@', which would otherwise name a file with arguments.
    private static readonly ParserConfiguration Parser = new()
    {
        ResponseFileTokenReplacer = null,
        EnablePosixBundling = false,
    };

    public static ParseResult Parse(IReadOnlyList<string> args, ClientConsole console) =>
        new ClientCommands(console).Root.Parse(args, Parser);

    public static Task<int> RunAsync(IReadOnlyList<string> args, ClientConsole console, CancellationToken stop) =>
        RunAsync(() => InvokeAsync(args, console, stop), console, stop);

    /// <summary>Runs a command and converts its errors.</summary>
    internal static async Task<int> RunAsync(Func<Task<int>> command, ClientConsole console, CancellationToken stop)
    {
        try
        {
            return await command();
        }
        catch (ClientUsageException e)
        {
            console.ErrorLine($"error: {e.Message}");
            console.Error.WriteLine("Try --help.");
            return WrongUsage;
        }
        catch (Exception e) when (e is PhoenixException or TimeoutException
            or OrleansException or UnauthorizedAccessException or PresenceOverloadException
            or PresenceLimitException or PresenceMetaException or CountsOnlyTopicException)
        {
            console.ErrorLine($"error: {e.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            console.Error.WriteLine("Stopped.");
            return Failed;
        }
    }

    private static async Task<int> InvokeAsync(
        IReadOnlyList<string> args, ClientConsole console, CancellationToken stop)
    {
        var parsed = Parse(args, console);
        if (parsed.Action is ParseErrorAction)
        {
            throw new ClientUsageException(UsageErrors.Describe(parsed));
        }

        var invocation = new InvocationConfiguration
        {
            Output = console.Out,
            Error = console.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parsed.InvokeAsync(invocation, stop);
    }
}
