using System.Globalization;
using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

/// <summary>The built host as a process of its own, on ports that the system chose.</summary>
internal sealed partial class SiloProcess : IAsyncDisposable
{
    public const string Password = "correct horse battery staple";

    private readonly OwnedProcess _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(ProcessStartInfo start) => _process = OwnedProcess.Start(start, Take);

    /// <summary>Addresses of the members, the first one first.</summary>
    public IReadOnlyList<string> Members { get; private set; } = [];

    /// <summary>Where other silos reach each of them.</summary>
    public IReadOnlyList<int> SiloPorts { get; private set; } = [];

    /// <summary>Where Orleans clients reach each of them.</summary>
    public IReadOnlyList<int> Gateways { get; private set; } = [];

    public string Output => _process.Output;

    public static async Task<SiloProcess> StartAsync(
        IEnumerable<string> arguments,
        string environment = "Development",
        string? password = Password)
    {
        var start = new ProcessStartInfo("dotnet", [HostFiles.Assembly, "--urls", "http://127.0.0.1:0", .. arguments])
        {
            WorkingDirectory = HostFiles.Content,
        };
        Prepare(start.Environment, environment, password);
        var silo = new SiloProcess(start);
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
            [HostFiles.Assembly, .. arguments],
            HostFiles.Content,
            TimeSpan.FromSeconds(60),
            variables.ToDictionary(pair => pair.Key, pair => pair.Value ?? ""));
    }

    /// <summary>SIGTERM, and how long the process took to end in order.</summary>
    public Task<TimeSpan> TerminateAsync()
    {
        _process.Signal(UnixSignal.Terminate);
        return _process.WaitForEndAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>Ends it as a crash of the machine does.</summary>
    public Task KillAsync() => _process.KillAsync();

    public int ExitCode => _process.ExitCode;

    public async ValueTask DisposeAsync()
    {
        try
        {
            await TerminateAsync();
        }
        catch (TimeoutException)
        {
            // It is killed below.
        }

        await _process.DisposeAsync();
    }

    private static void Prepare(IDictionary<string, string?> variables, string environment, string? password)
    {
        variables["ASPNETCORE_ENVIRONMENT"] = environment;
        variables["Presence__Admin__Password"] = password ?? "";
        variables["DOTNET_NOLOGO"] = "1";
    }

    private void Take(string line)
    {
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
            if (await Task.WhenAny(_ready.Task, _process.Ended).WaitAsync(TimeSpan.FromSeconds(60)) != _ready.Task)
            {
                throw new InvalidOperationException("The host ended before it was ready.");
            }
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
