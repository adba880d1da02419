using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

/// <summary>The built host as a process of its own, on ports that the system chose.</summary>
internal sealed partial class SiloProcess : IAsyncDisposable
{
    public const string Password = "correct horse battery staple";

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(Process process) => _process = process;

    /// <summary>Addresses of the members, the first one first.</summary>
    public IReadOnlyList<string> Members { get; private set; } = [];

    /// <summary>Where other silos reach each of them.</summary>
    public IReadOnlyList<int> SiloPorts { get; private set; } = [];

    /// <summary>Where Orleans clients reach each of them.</summary>
    public IReadOnlyList<int> Gateways { get; private set; } = [];

    /// <summary>All that the process has written.</summary>
    public string Output => string.Join('\n', _lines);

    public static async Task<SiloProcess> StartAsync(
        IEnumerable<string> arguments,
        string environment = "Development",
        string? password = Password)
    {
        var start = new ProcessStartInfo("dotnet", [Places.Host, "--urls", "http://127.0.0.1:0", .. arguments])
        {
            WorkingDirectory = Places.HostContent,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Prepare(start.Environment, environment, password);
        var silo = new SiloProcess(new Process { StartInfo = start });
        silo.Begin();
        await silo.BecomeReadyAsync();
        return silo;
    }

    /// <summary>Runs a host that is expected to end by itself: with bad settings, or for its usage.</summary>
    public static Task<CommandResult> RunAsync(IEnumerable<string> arguments, string environment = "Development")
    {
        var variables = new Dictionary<string, string?>();
        Prepare(variables, environment, Password);
        return Command.RunAsync(
            "dotnet",
            [Places.Host, .. arguments],
            Places.HostContent,
            TimeSpan.FromSeconds(60),
            variables.ToDictionary(pair => pair.Key, pair => pair.Value ?? ""));
    }

    /// <summary>SIGTERM, and how long the process took to end in order.</summary>
    public async Task<TimeSpan> TerminateAsync()
    {
        var clock = Stopwatch.StartNew();
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _process.WaitForExitAsync(limit.Token);
        return clock.Elapsed;
    }

    /// <summary>Ends it as a crash of the machine does.</summary>
    public Task KillAsync()
    {
        _process.Kill();
        return _process.WaitForExitAsync();
    }

    public int ExitCode => _process.ExitCode;

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            try
            {
                await TerminateAsync();
            }
            catch (OperationCanceledException)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        _process.Dispose();
    }

    private static void Prepare(IDictionary<string, string?> variables, string environment, string? password)
    {
        variables["ASPNETCORE_ENVIRONMENT"] = environment;
        variables["Presence__Admin__Password"] = password ?? "";
        variables["DOTNET_NOLOGO"] = "1";
    }

    private void Begin()
    {
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException("The host ended before it was ready."));
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }

        _lines.Enqueue(line);
        if (MemberLine().Match(line) is { Success: true } member)
        {
            Members = [.. Members, member.Groups["url"].Value];
            SiloPorts = [.. SiloPorts, int.Parse(member.Groups["silo"].Value, CultureInfo.InvariantCulture)];
            Gateways = [.. Gateways, int.Parse(member.Groups["gateway"].Value, CultureInfo.InvariantCulture)];
        }

        if (line.StartsWith("Ready.", StringComparison.Ordinal))
        {
            _ready.TrySetResult();
        }
    }

    private async Task BecomeReadyAsync()
    {
        try
        {
            await _ready.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            await DisposeAsync();
            throw new InvalidOperationException($"{e.Message}\n{Output}", e);
        }
    }

    [GeneratedRegex(@"^  \S+ +(?<url>http://127\.0\.0\.1:\d+)  \(silo port (?<silo>\d+), gateway (?<gateway>\d+)\)")]
    private static partial Regex MemberLine();
}
