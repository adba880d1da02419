using System.Globalization;
using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

/// <summary>The built host as a process of its own, on ports that the system chose.</summary>
internal sealed partial class SiloProcess : IAsyncDisposable
{
    public const string Grace = "--Presence:Sessions:Grace";

    public const string Password = "correct horse battery staple";

    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(20);

    private readonly OwnedProcess _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SiloProcess(ProcessStartInfo start)
    {
        _process = OwnedProcess.Start(start, Take);
        Ended = Task.WhenAll(_process.Ended, _process.Drained);
    }

    /// <summary>Gets the addresses of the nodes, in order.</summary>
    public IReadOnlyList<string> Nodes { get; private set; } = [];

    /// <summary>Gets the silo ports.</summary>
    public IReadOnlyList<int> SiloPorts { get; private set; } = [];

    /// <summary>Gets the gateway ports.</summary>
    public IReadOnlyList<int> Gateways { get; private set; } = [];

    public string Output => _process.Output;

    public static async Task<SiloProcess> StartAsync(
        IEnumerable<string> arguments,
        string environment = "Development",
        string? password = Password,
        Dictionary<string, string>? variables = null)
    {
        // A lost connection is a leave at once, unless a test says otherwise; the last value of a setting counts.
        string[] defaults = ["--urls", "http://127.0.0.1:0", "--Presence:Samples", "true", Grace, "0s"];
        var start = new ProcessStartInfo("dotnet", [HostFiles.Assembly, .. defaults, .. arguments])
        {
            WorkingDirectory = HostFiles.Content,
        };
        Prepare(start.Environment, environment, password);
        foreach (var (name, value) in variables ?? [])
        {
            start.Environment[name] = value;
        }

        return await StartAsync(start);
    }

    /// <summary>Starts a host by a command of its own.</summary>
    public static async Task<SiloProcess> StartAsync(ProcessStartInfo start)
    {
        var silo = new SiloProcess(start);
        await silo.BecomeReadyAsync();
        return silo;
    }

    /// <summary>Runs a host that ends by itself, such as with invalid settings.</summary>
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

    /// <summary>Sends SIGTERM and returns how long the process took to end.</summary>
    public async Task<TimeSpan> TerminateAsync()
    {
        _process.Signal(UnixSignal.Terminate);
        var took = await _process.WaitForEndAsync(StopWithin);
        await Ended.WaitAsync(StopWithin);
        return took;
    }

    /// <summary>Kills the process.</summary>
    public async Task KillAsync()
    {
        await _process.KillAsync();
        await Ended.WaitAsync(StopWithin);
    }

    /// <summary>Waits until its first node lists these nodes, itself among them.</summary>
    public async Task UntilNodesAsync(params string[] names)
    {
        using var http = new HttpClient { BaseAddress = new Uri(Nodes[0]) };
        http.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", Password);
        await TestTimeouts.UntilAsync($"the nodes are {string.Join(", ", names)}", TimeSpan.FromSeconds(60), async () =>
        {
            var cluster = await http.GetFromJsonAsync<JsonElement>("/api/cluster");
            return cluster.GetProperty("nodes").EnumerateArray().Select(m => m.GetProperty("name").GetString()!).Order()
                .SequenceEqual(names);
        });
    }

    public int ExitCode => _process.ExitCode;

    /// <summary>Gets a task that completes when the process has ended and all of its output was read.</summary>
    public Task Ended { get; }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await TerminateAsync();
        }
        catch (TimeoutException)
        {
            // The process is killed below.
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
        if (NodeLine().Match(line) is { Success: true } node)
        {
            Nodes = [.. Nodes, node.Groups["url"].Value];
            SiloPorts = [.. SiloPorts, int.Parse(node.Groups["silo"].Value, CultureInfo.InvariantCulture)];
            Gateways = [.. Gateways, int.Parse(node.Groups["gateway"].Value, CultureInfo.InvariantCulture)];
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
            if (await Task.WhenAny(_ready.Task, Ended).WaitAsync(TimeSpan.FromSeconds(60)) != _ready.Task)
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
    private static partial Regex NodeLine();
}
