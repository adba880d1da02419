using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using Presence.Harness;
using Presence.Harness.Nodes;
using Presence.Harness.Processes;

namespace Presence.Samples.Tests.Programs;

/// <summary>A sample program as a process of its own.</summary>
internal sealed class SampleProcess : IAsyncDisposable
{
    private const string ListeningLine = @"Now listening on: (?<url>http://127\.0\.0\.1:\d+)";
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);

    private readonly Awaited<string> _lines = new();
    private readonly OwnedProcess _process;

    private SampleProcess(string sample, string[] arguments)
    {
        // From its own output, which has exactly the files that the program needs.
        var tests = new DirectoryInfo(AppContext.BaseDirectory);
        var output = Path.Combine(tests.Parent!.Parent!.FullName, sample, tests.Name);
        string[] command = [Path.Combine(output, $"Presence.Samples.{sample}.dll"), .. arguments];
        var start = new ProcessStartInfo("dotnet", command)
        {
            WorkingDirectory = Path.Combine(HostFiles.Root, "samples", sample),
        };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        _process = OwnedProcess.Start(start, _lines.Add);
    }

    /// <summary>Gets the base URL of a program that was started with <see cref="StartWebAsync"/>.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Gets its output so far.</summary>
    public IReadOnlyList<string> Lines => _lines.All;

    public static SampleProcess Start(string sample, params string[] arguments) => new(sample, arguments);

    /// <summary>Starts a web program on a port that the system chooses, and waits until it listens.</summary>
    public static async Task<SampleProcess> StartWebAsync(string sample, params string[] arguments)
    {
        var process = Start(sample, ["--urls", "http://127.0.0.1:0", .. arguments]);
        process.Address = new Uri((await process.LineAsync(ListeningLine)).Groups["url"].Value);
        return process;
    }

    /// <summary>Waits for a line of output; fails if there is none in time, or the program ends before.</summary>
    public async Task<Match> LineAsync([StringSyntax(StringSyntaxAttribute.Regex)] string pattern)
    {
        await Task.WhenAny(_lines.FirstAsync(line => Regex.IsMatch(line, pattern)), _process.Drained);
        var found = Lines.Select(line => Regex.Match(line, pattern)).FirstOrDefault(match => match.Success);
        Assert.True(found is not null, $"No line matches {pattern}:\n{_process.Output}");
        return found;
    }

    /// <summary>Returns a page; fails unless it exists.</summary>
    public async Task<string> GetAsync(string path)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        return await http.GetStringAsync(new Uri(Address, path));
    }

    /// <summary>Stops it in order.</summary>
    public Task StopAsync()
    {
        _process.Signal(UnixSignal.Terminate);
        return _process.WaitForEndAsync(StopTimeout);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
