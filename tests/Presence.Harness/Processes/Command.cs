namespace Presence.Harness.Processes;

/// <summary>Runs a program to its end, with a timeout.</summary>
public static class Command
{
    public static async Task<CommandResult> RunAsync(
        string program,
        IEnumerable<string> arguments,
        string? folder = null,
        TimeSpan? within = null,
        IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder ?? "",
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        Reaper.Watch(process.Id);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        var timeout = within ?? TimeSpan.FromSeconds(60);
        using var limit = new CancellationTokenSource(timeout);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException(
                $"{program} did not end within {timeout.TotalSeconds} s.\n{await output}\n{await error}");
        }
        finally
        {
            Reaper.Ended(process.Id);
        }

        return new CommandResult(process.ExitCode, await output, await error);
    }

    /// <summary>Runs a program that must succeed.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has its output.</exception>
    public static async Task<string> MustAsync(string program, params IReadOnlyList<string> arguments)
    {
        var result = await RunAsync(program, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException(
                $"{Path.GetFileName(program)} {string.Join(' ', arguments)} ended with {result.ExitCode}: "
                + $"{result.Error}{result.Output}");
    }
}

/// <summary>The exit code and output of a program.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error);
